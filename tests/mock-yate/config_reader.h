// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads a configuration file, with its directives, into a Configuration.

#ifndef MOCK_YATE_CONFIG_READER_H
#define MOCK_YATE_CONFIG_READER_H

#include <yatengine.h>

#include <string>
#include <vector>

namespace TelEngine {

/// One reading of a file and of all that it includes.
class ConfigReader {
public:
    ConfigReader(Configuration& config, bool warn) : m_config(config), m_warn(warn) {}
    /// False if the file can't be read, or one that it requires.
    bool read();

private:
    enum Include { None, Optional, Silent, Required };
    struct Lines;
    static Include directive(const String& text, const char* optional, const char* silent,
                             const char* required, String& rest);
    bool readFile(const std::string& path, NamedList*& section, bool warn);
    bool readHeader(String name, const std::string& path, NamedList*& section);
    void readKey(const std::string& line, Lines& lines, NamedList* section);
    bool include(const String& what, Include how, const std::string& path, NamedList* section);
    void enable(String condition);
    void expandSections();
    void expandSection(NamedList* section, std::vector<NamedList*>& stack);
    Configuration& m_config;
    bool m_warn;
    bool m_ok = true;
    bool m_enabled = true;
    std::vector<std::string> m_open;
    std::vector<NamedList*> m_including;
    std::vector<NamedList*> m_expanded;
};

} // namespace TelEngine

#endif
