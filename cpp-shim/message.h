// SPDX-License-Identifier: GPL-2.0-or-later

// Translation between the engine's messages and the core: parameters in, edits out.

#ifndef CLUSTERING_SHIM_MESSAGE_H
#define CLUSTERING_SHIM_MESSAGE_H

#include "names.h"

#include <vector>

namespace clustering {

/// The known parameters of a message.
///
/// They are read in one walk over the list, so that nothing has to be looked up again, neither to
/// decide the message nor to write the edits.
struct KnownParameters {
    TelEngine::NamedList* list;
    // A node of the list behind which parameters may be added: the last one, when it was read.
    TelEngine::ObjList* last;
    TelEngine::NamedString* found[CLUSTERING_NAME_COUNT];
    clustering_borrowed_text values[CLUSTERING_NAME_COUNT];
    // The parameters as the core takes them, as long as this lives. The sets of those that were
    // found lie here alone: a copy would wait for them.
    clustering_message message;

    /// Whether there is a parameter of this number.
    bool has(unsigned number) const { return message.present >> number & 1; }

    /// Walks over a list.
    void read(TelEngine::NamedList& from, const NameFilter<ByHash>& wanted);

    /// Walks over a list until all wanted names are found, to decide whether the message concerns
    /// the cluster. Nothing may be written then.
    void readValues(const TelEngine::NamedList& from, const NameFilter<ByCharacters>& wanted);

private:
    void readOnly(const TelEngine::NamedList& from, const NameFilter<ByCharacters>& wanted);
    void tell(uint64_t present, uint64_t repeated) {
        message = {values, present, repeated, nullptr, 0, false, 0, 0};
    }
};

/// A message's parameters as the core takes them. They borrow from the list, which nobody else may
/// change meanwhile.
class Parameters {
public:
    /// The known parameters as they were read; `known` is kept up to date and must outlive this.
    Parameters(KnownParameters& known, const Names& names, uint64_t made, uint64_t now);

    Parameters(const Parameters&) = delete;
    Parameters& operator=(const Parameters&) = delete;

    /// For the core.
    const clustering_message* message() const { return &m_known.message; }

    /// Adds all the others.
    void complete();

    /// Writes a verdict's edits into the list, after which the parameters are not to be used.
    void apply(const clustering_verdict& verdict);

private:
    void set(unsigned number, const clustering_borrowed_text& value);
    void remove(unsigned number);

    const Names& m_names;
    KnownParameters& m_known;
    std::vector<clustering_param> m_all;
};

/// The reply to a message of ours, as its parameters tell it. It borrows from the message.
clustering_reply replyOf(const TelEngine::Message& asked);

/// A database's reply to a message of ours, with the first column of its rows. It borrows from the
/// message.
class DbReply {
public:
    DbReply(const TelEngine::Message& asked, bool handled);
    DbReply(const DbReply&) = delete;
    DbReply& operator=(const DbReply&) = delete;

    /// For the core.
    const clustering_reply& operator*() const { return m_reply; }

private:
    std::vector<clustering_borrowed_text> m_rows;
    clustering_reply m_reply;
};

} // namespace clustering

#endif
