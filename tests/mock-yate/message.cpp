// SPDX-License-Identifier: GPL-2.0-or-later
//
// Messages, the text protocol they are sent over, and filters.

#include <yatengine.h>

#include <cstring>

using namespace TelEngine;

namespace {

const char RequestPrefix[] = "%%>message:";
const char AnswerPrefix[] = "%%<message:";

// Takes the text up to the next colon, unescaped. Returns where the next part starts, null if this
// was the last one; the error is an offset from the start of the part, or -1.
const char* takePart(const char* from, String& part, int& error) {
    const char* colon = strchr(from, ':');
    part = String(from, colon ? static_cast<int>(colon - from) : -1).msgUnescape(&error);
    return colon ? colon + 1 : nullptr;
}

} // namespace

Message::Message(const char* name, const char* retval, bool broadcast)
    : NamedList(name), m_return(retval), m_broadcast(broadcast) {}

Message::Message(const Message& original) : Message(original, original.m_broadcast) {}

Message::Message(const Message& original, bool broadcast)
    : NamedList(original), m_return(original.m_return), m_time(original.m_time),
      m_broadcast(broadcast) {}

Message::~Message() {
    userData(nullptr);
}

YCLASSIMP(Message, NamedList)

void Message::userData(RefObject* data) {
    if (data == m_data) {
        return;
    }
    m_notify = false;
    RefObject* old = m_data;
    m_data = (data && data->ref()) ? data : nullptr;
    if (old) {
        old->deref();
    }
}

void Message::dispatched(bool accepted) {
    if (!m_notify) {
        return;
    }
    if (auto* notifier = YOBJECT(MessageNotifier, m_data)) {
        notifier->dispatched(*this, accepted);
    }
}

void Message::encodeBody(String& str) const {
    str << msgEscape() << ":" << m_return.msgEscape();
    for (const ObjList* l = paramList()->skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        str << ":" << param->name().msgEscape('=') << "=" << param->msgEscape();
    }
}

String Message::encode(const char* id) const {
    String line(RequestPrefix);
    line << String::msgEscape(id) << ":" << m_time.sec() << ":";
    encodeBody(line);
    return line;
}

String Message::encode(bool received, const char* id) const {
    String line(AnswerPrefix);
    line << String::msgEscape(id) << ":" << received << ":";
    encodeBody(line);
    return line;
}

int Message::decode(const char* str, String& id) {
    const size_t start = sizeof(RequestPrefix) - 1;
    if (!str || strncmp(str, RequestPrefix, start) != 0) {
        return -1;
    }
    const char* idEnd = strchr(str + start, ':');
    if (!idEnd) {
        return static_cast<int>(start);
    }
    const char* timeEnd = strchr(idEnd + 1, ':');
    if (!timeEnd) {
        return static_cast<int>(idEnd - str);
    }
    int error = -1;
    id = String(str + start, static_cast<int>(idEnd - str - static_cast<ptrdiff_t>(start)))
             .msgUnescape(&error);
    if (error >= 0) {
        return error + static_cast<int>(start);
    }
    String text(idEnd + 1, static_cast<int>(timeEnd - idEnd - 1));
    unsigned int seconds = 0;
    text >> seconds;
    if (text) {
        return static_cast<int>(idEnd - str);
    }
    m_time = seconds ? seconds * UINT64_C(1000000) : Time::now();
    return decodeBody(str, static_cast<int>(timeEnd - str) + 1);
}

int Message::decode(const char* str, bool& received, const char* id) {
    const String prefix(AnswerPrefix, -1, String(id) + ":");
    if (!str || strncmp(str, prefix, prefix.length()) != 0) {
        return -1;
    }
    const char* end = strchr(str + prefix.length(), ':');
    if (!end) {
        return static_cast<int>(prefix.length());
    }
    String text(str + prefix.length(),
                static_cast<int>(end - str) - static_cast<int>(prefix.length()));
    text >> received;
    if (text) {
        return static_cast<int>(prefix.length());
    }
    return end[1] ? decodeBody(str, static_cast<int>(end - str) + 1) : -2;
}

int Message::decodeBody(const char* str, int offs) {
    const char* from = str + offs;
    String part;
    int error = -1;
    const char* next = takePart(from, part, error);
    if (error >= 0 || !next) {
        return static_cast<int>(from - str) + (error >= 0 ? error : 0);
    }
    if (part) {
        *this = part.c_str();
    }
    from = next;
    next = takePart(from, part, error);
    if (error >= 0) {
        return static_cast<int>(from - str) + error;
    }
    m_return = part;
    while (next) {
        from = next;
        next = takePart(from, part, error);
        if (error >= 0) {
            return static_cast<int>(from - str) + error;
        }
        const int equal = part.find('=');
        if (equal == 0) {
            return static_cast<int>(from - str) - 1;
        }
        if (equal > 0) {
            setParam(part.substr(0, equal), part.substr(equal + 1));
        } else if (part) {
            clearParam(part);
        }
    }
    return -2;
}
