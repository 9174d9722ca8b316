// SPDX-License-Identifier: GPL-2.0-or-later
//
// The grammar of configuration files.

#include "config_reader.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dirent.h>

using namespace TelEngine;

namespace {

constexpr size_t MaxDepth = 10;
// Stands in a section for an included one until all files are read. No file can have such a key.
const char IncludeMark[] = "[]";

std::vector<std::string> directoryFiles(const std::string& path) {
    std::vector<std::string> names;
    DIR* dir = opendir(path.c_str());
    if (!dir) {
        return names;
    }
    while (const dirent* entry = readdir(dir)) {
        const String name(entry->d_name);
        if (entry->d_type == DT_REG && !name.startsWith(".") && !name.endsWith("~") &&
            !name.endsWith(".bak") && !name.endsWith(".tmp")) {
            names.emplace_back(path + "/" + entry->d_name);
        }
    }
    closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
}

bool isDirectory(const std::string& path) {
    DIR* dir = opendir(path.c_str());
    return dir && closedir(dir) == 0;
}

} // namespace

/// The lines of a file, without leading blanks and line ends.
struct ConfigReader::Lines {
    explicit Lines(FILE* file) {
        char buffer[4096];
        while (const size_t length = fread(buffer, 1, sizeof(buffer), file)) {
            text.append(buffer, length);
        }
        fclose(file);
        if (text.compare(0, 3, "\xef\xbb\xbf") == 0) {
            at = 3;
        }
    }
    bool next(std::string& line) {
        if (at >= text.size()) {
            return false;
        }
        static const std::string ends("\n\r\0", 3);
        const size_t end = std::min(text.find_first_of(ends, at), text.size());
        while (at < end && String::isBlank(text[at])) {
            ++at;
        }
        line = text.substr(at, end - at);
        // The engine reads so many bytes at a time, and doesn't see a pair that is split.
        const bool pair = text.compare(end, 2, "\r\n") == 0 && (end + 1) % 1023 != 0;
        at = end + (pair ? 2 : 1);
        return true;
    }
    std::string text;
    size_t at = 0;
};

bool ConfigReader::read() {
    NamedList* section = nullptr;
    if (!readFile(m_config.c_str(), section, m_warn)) {
        return false;
    }
    expandSections();
    return m_ok;
}

bool ConfigReader::readFile(const std::string& path, NamedList*& section, bool warn) {
    if (m_open.size() > MaxDepth || std::find(m_open.begin(), m_open.end(), path) != m_open.end()) {
        Debug(DebugWarn, "Config '%s' refusing to load config file '%s' once more",
              m_config.c_str(), path.c_str());
        return false;
    }
    FILE* file = isDirectory(path) ? nullptr : fopen(path.c_str(), "r");
    if (!file) {
        if (warn) {
            Debug(DebugNote, "Failed to open config file '%s', using defaults (%d: %s)",
                  path.c_str(), errno, strerror(errno));
        }
        return false;
    }
    m_open.push_back(path);
    const bool wasEnabled = m_enabled;
    m_enabled = true;
    Lines lines(file);
    std::string line;
    while (lines.next(line)) {
        if (line.empty() || line[0] == ';') {
            continue;
        }
        if (line[0] != '[') {
            readKey(line, lines, section);
            continue;
        }
        const size_t end = line.find(']');
        if (end == std::string::npos) {
            continue;
        }
        String name(line.c_str() + 1, static_cast<int>(end) - 1);
        if (name.trimBlanks()) {
            m_ok = readHeader(name, path, section) && m_ok;
        }
    }
    m_enabled = wasEnabled;
    m_open.pop_back();
    return true;
}

// Tells which directive the text is, if any; the rest is then its argument.
ConfigReader::Include ConfigReader::directive(const String& text, const char* optional,
                                              const char* silent, const char* required,
                                              String& rest) {
    rest = text;
    // One with nothing behind it is a section's name.
    const auto skip = [&rest](const char* word) {
        return rest.length() > strlen(word) && rest.startSkip(word);
    };
    if (skip(optional)) {
        return Optional;
    }
    if (skip(silent)) {
        return Silent;
    }
    return skip(required) ? Required : None;
}

// A section or a directive; false when a required file is missing.
bool ConfigReader::readHeader(String name, const std::string& path, NamedList*& section) {
    if (name.startSkip("$enabled")) {
        enable(name);
        return true;
    }
    if (!m_enabled) {
        return true;
    }
    String what;
    if (const Include how = directive(name, "$include", "$includesilent", "$require", what)) {
        Engine::runParams().replaceParams(what);
        return what.null() ? how != Required : include(what, how, path, section);
    }
    if (const Include how =
            directive(name, "$includesection", "$includesectionsilent", "$requiresection", what)) {
        if (section) {
            section->addParam(IncludeMark, name);
            m_including.push_back(section);
        }
        return section || how != Required || m_open.size() > 1 || m_config.sections();
    }
    Engine::runParams().replaceParams(name);
    section = m_config.createSection(name);
    return true;
}

void ConfigReader::enable(String condition) {
    if (condition == "else" || condition == "toggle") {
        m_enabled = !m_enabled;
        return;
    }
    if (condition.startSkip("elseif") && m_enabled) {
        m_enabled = false;
        return;
    }
    Engine::runParams().replaceParams(condition);
    const bool reverse = condition.startSkip("$not");
    if (condition.startSkip("$loaded")) {
        m_enabled = Engine::self()->pluginLoaded(condition);
    } else if (condition.startSkip("$unloaded")) {
        m_enabled = !Engine::self()->pluginLoaded(condition);
    } else if (condition.startSkip("$filled")) {
        m_enabled = !condition.null();
    } else if (condition.startSkip("$empty")) {
        m_enabled = condition.null();
    } else {
        const bool unknown = !condition.startSkip("$bool");
        m_enabled = condition.toBoolean(unknown);
    }
    m_enabled = (m_enabled != reverse);
}

bool ConfigReader::include(const String& what, Include how, const std::string& path,
                           NamedList* section) {
    std::string target = what.c_str();
    if (target[0] != '/') {
        const size_t slash = path.rfind('/');
        if (slash != std::string::npos) {
            target.insert(0, path, 0, slash + 1);
        }
    }
    bool ok = true;
    const bool warn = m_warn && how != Silent;
    const std::vector<std::string> files =
        isDirectory(target) ? directoryFiles(target) : std::vector<std::string>{target};
    for (const std::string& file : files) {
        // The included file has its own idea of the current section.
        NamedList* current = section;
        const bool before = m_ok;
        m_ok = true;
        ok = ((readFile(file, current, warn) && m_ok) || how != Required) && ok;
        m_ok = before;
    }
    return ok;
}

void ConfigReader::readKey(const std::string& line, Lines& lines, NamedList* section) {
    const size_t equal = line.find('=');
    String key(line.c_str(), equal == std::string::npos ? -1 : static_cast<int>(equal));
    key.trimBlanks();
    std::string value = equal == std::string::npos ? "" : line.substr(equal + 1);
    std::string more;
    while (equal != 0 && !value.empty() && value.back() == '\\') {
        value.pop_back();
        if (!lines.next(more)) {
            break;
        }
        // An empty line ends the value also when the part before ended with two backslashes.
        value += more;
        if (more.empty()) {
            break;
        }
    }
    if (!m_enabled || !section || key.null()) {
        return;
    }
    String text(value.c_str());
    section->addParam(key, text.trimBlanks());
}

void ConfigReader::expandSections() {
    for (NamedList* section : m_including) {
        std::vector<NamedList*> stack;
        expandSection(section, stack);
    }
}

// Puts copies of the included sections' keys where the marks are, innermost first.
void ConfigReader::expandSection(NamedList* section, std::vector<NamedList*>& stack) {
    if (std::find(m_expanded.begin(), m_expanded.end(), section) != m_expanded.end()) {
        return;
    }
    stack.push_back(section);
    ObjList* l = section->paramList()->skipNull();
    while (l) {
        const auto* mark = static_cast<const NamedString*>(l->get());
        if (mark->name() != IncludeMark) {
            l = l->skipNext();
            continue;
        }
        String name;
        const Include how =
            directive(*mark, "$includesection", "$includesectionsilent", "$requiresection", name);
        Engine::runParams().replaceParams(name);
        NamedList* other = m_config.getSection(name);
        if (!other || std::find(stack.begin(), stack.end(), other) != stack.end()) {
            m_ok = m_ok && (how != Required || name.null());
        } else {
            expandSection(other, stack);
            for (const ObjList* p = other->paramList()->skipNull(); p; p = p->skipNext()) {
                const auto* param = static_cast<const NamedString*>(p->get());
                l->insert(new NamedString(param->name(), *param));
                l = l->next();
            }
        }
        l->remove();
        l = l->skipNull();
    }
    stack.pop_back();
    m_expanded.push_back(section);
}
