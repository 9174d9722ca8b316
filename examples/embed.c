// SPDX-License-Identifier: GPL-2.0-or-later

// A host without an engine: takes a message's name and parameters, prints the decision of node1.
//
//     embed call.execute callto=cluster/node2/conf/7 called=4021

#include "clustering.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT(text) ((clustering_borrowed_text){(const uint8_t*)(text), strlen(text)})

static bool is(clustering_borrowed_text name, clustering_borrowed_text text) {
    if (name.len && name.ptr[name.len - 1] == '*') // stands for whatever else a name has there
        return text.len >= --name.len && !memcmp(name.ptr, text.ptr, name.len);
    return text.len == name.len && !memcmp(name.ptr, text.ptr, name.len);
}

static void put(const char* what, clustering_borrowed_text name, clustering_borrowed_text value) {
    printf("%s %.*s", what, (int)name.len, (const char*)name.ptr);
    if (value.len)
        printf(" = %.*s", (int)value.len, (const char*)value.ptr);
    puts("");
}

static void say(clustering_owned_text text) {
    if (text.len)
        fprintf(stderr, "%.*s\n", (int)text.len, (const char*)text.ptr);
    clustering_owned_text_free(&text);
}

int main(int argc, char** argv) {
    clustering_owned_text error;
    clustering_result result = clustering_abi_check(CLUSTERING_ABI_VERSION, &error);
    say(error);
    if (result != CLUSTERING_RESULT_OK || argc < 2 || argc > 64)
        return 2;

    const clustering_setting settings[] = {
        {TEXT("node node2"), TEXT("callto"), TEXT("sip/sip:cluster/${called}@192.0.2.2")}};
    const uint64_t now = (uint64_t)time(NULL) * 1000000;
    clustering_core* core = clustering_new(TEXT("node1"), now); // better: a random number
    clustering_load(core, TEXT("embed.c"), TEXT(""), settings, 1, &error);
    say(error);

    uint32_t kind = 0;
    while (kind < CLUSTERING_KIND_COUNT && !is(clustering_kind_name(kind), TEXT(argv[1])))
        kind++;
    clustering_borrowed_text known[CLUSTERING_NAME_COUNT];
    clustering_param params[64];
    clustering_message message = {known, 0, 0, params, 0, true, now, now};
    for (char** arg = argv + 2; *arg; arg++) {
        const size_t end = strcspn(*arg, "="), value = end + ((*arg)[end] == '=');
        const clustering_param param = {{(uint8_t*)*arg, end}, TEXT(*arg + value)};
        params[message.count++] = param;
        for (uint32_t name = 0; name < CLUSTERING_NAME_COUNT; name++) {
            const uint64_t bit = (uint64_t)is(clustering_name(name), param.name) << name;
            if (bit & ~message.present)
                known[name] = param.value; // of several the first one
            message.repeated |= message.present & bit;
            message.present |= bit;
        }
    }

    clustering_verdict verdict;
    result = clustering_decide(core, kind, &message, &verdict);
    if (verdict.level)
        say(clustering_verdict_line(&verdict));
    printf("action %d\n", (int)verdict.action);
    if (verdict.retval.len)
        put("return", verdict.retval, TEXT(""));
    for (const clustering_edit* e = verdict.edits; e < verdict.edits + verdict.edit_count; e++)
        put(e->kind == CLUSTERING_EDIT_KIND_SET ? "set" : "clear", clustering_name(e->name),
            e->value);
    clustering_verdict_release(&verdict);
    clustering_free(&core);
    return (int)result;
}
