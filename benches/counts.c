// SPDX-License-Identifier: GPL-2.0-or-later

// The core's hot paths, for scripts/counts to count their instructions: the calls that the shim
// makes for a message, through the C ABI, in the library that the shim is linked with.
//
//     counts          names the paths
//     counts PATH     decides messages that take it, each by a call of decided(), and prints their
//     number

#include "clustering.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(text) ((clustering_borrowed_text){(const uint8_t*)(text), strlen(text)})

// The first messages aren't counted: they fill the cache of node names, and make everything else
// that is made once.
enum { WARMUP = 100, MESSAGES = 100 };

// The settings of a node: it trusts an address, signs, places among 1,000 nodes of equal or
// distinct weights, or trusts the addresses of 1,000 nodes.
typedef enum { Trusting, Signing, Equal, Distinct, Sources } Settings;

typedef struct {
    const char* name;
    clustering_kind kind;
    clustering_action action; // of the expected verdict
    Settings settings;
    const char* params[12][2]; // a %u is the number of the message
} Path;

// A row for each path.
// clang-format off
#define CALL \
    {"id", "sip/17"}, {"billid", "1767225601-%u"}, {"direction", "incoming"}, {"caller", "4020"}, \
    {"ip_host", "10.0.0.20"}, {"username", "4020"}
#define CALLED {"called", "4021"}
#define PHONE "sip/sip:4021@10.0.0.21:5060"

static const Path paths[] = {
    {"pass", CLUSTERING_KIND_EXECUTE, CLUSTERING_ACTION_PASS, Trusting,
     {CALL, CALLED, {"callto", PHONE}}},
    {"route-miss", CLUSTERING_KIND_ROUTE, CLUSTERING_ACTION_PASS, Trusting,
     {CALL, CALLED}},
    {"route", CLUSTERING_KIND_ROUTE, CLUSTERING_ACTION_ANSWER, Trusting,
     {CALL, {"called", "cluster/"}, {"sip_x-callto", PHONE}, {"sip_x-nodename", "node2"}}},
    {"route-signed", CLUSTERING_KIND_ROUTE, CLUSTERING_ACTION_ANSWER, Signing,
     {CALL, {"called", "cluster/"}}}, // and the headers of another node, see sign()
    {"forward", CLUSTERING_KIND_EXECUTE, CLUSTERING_ACTION_CHANGE, Trusting,
     {CALL, CALLED, {"callto", "cluster/node2/" PHONE}}},
    {"forward-signed", CLUSTERING_KIND_EXECUTE, CLUSTERING_ACTION_CHANGE, Signing,
     {CALL, CALLED, {"callto", "cluster/node2/" PHONE}}},
    {"forward-new", CLUSTERING_KIND_EXECUTE, CLUSTERING_ACTION_CHANGE, Trusting,
     {CALL, CALLED, {"callto", "cluster/node1%u/" PHONE}}}, // each another node
    {"local", CLUSTERING_KIND_EXECUTE, CLUSTERING_ACTION_CHANGE, Trusting,
     {CALL, CALLED, {"callto", "cluster/node1/" PHONE}}},
    {"register", CLUSTERING_KIND_REGISTER, CLUSTERING_ACTION_CHANGE, Trusting,
     {{"username", "4020"}, {"data", PHONE}, {"ip_host", "10.0.0.20"}}},
    {"cdr", CLUSTERING_KIND_CDR, CLUSTERING_ACTION_CHANGE, Trusting,
     {CALL, CALLED}},
    {"place-equal", CLUSTERING_KIND_LOCATE, CLUSTERING_ACTION_ANSWER, Equal,
     {{"callto", "conf/%u"}}},
    {"route-source", CLUSTERING_KIND_ROUTE, CLUSTERING_ACTION_ANSWER, Sources,
     {CALL, {"called", "cluster/"}, {"sip_x-callto", PHONE}, {"sip_x-nodename", "node2"}}},
    {"register-connection", CLUSTERING_KIND_REGISTER, CLUSTERING_ACTION_CHANGE, Trusting,
     {{"username", "4020"}, {"data", PHONE}, {"expires", "600"}, {"ip_transport", "UDP"},
      {"oconnection_id", "general"}}},
    {"late-miss", CLUSTERING_KIND_LATE_EXECUTE, CLUSTERING_ACTION_PASS, Trusting,
     {CALL, CALLED, {"callto", PHONE}}},
    {"startup", CLUSTERING_KIND_STARTUP, CLUSTERING_ACTION_PASS, Equal,
     {{"id", "sip/17"}, {"direction", "outgoing"},
      {"callto", "sip/sip:cluster/4021@node999.example.net:5060"}}},
    {"startup-miss", CLUSTERING_KIND_STARTUP, CLUSTERING_ACTION_PASS, Equal,
     {{"id", "sip/17"}, {"direction", "outgoing"}, {"callto", PHONE}}},
    {"hangup-miss", CLUSTERING_KIND_HANGUP, CLUSTERING_ACTION_PASS, Trusting,
     {{"id", "sip/18"}}},
    {"place-distinct", CLUSTERING_KIND_LOCATE, CLUSTERING_ACTION_ANSWER, Distinct,
     {{"callto", "conf/%u"}}},
};
// clang-format on
enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

static void die(const char* what, const char* path) {
    fprintf(stderr, "%s: %s\n", path, what);
    exit(1);
}

static clustering_core* make_node(const char* name, Settings settings) {
    enum { NODES = 1000 };
    static char sections[NODES][16], values[NODES][16];
    static clustering_setting list[NODES + 3];
    size_t count = 0;
    list[count++] = (clustering_setting){TEXT("general"), TEXT("regexp"), TEXT("^node[0-9]\\+$")};
    // A number in the request URI is signed besides; few put it there.
    list[count++] = (clustering_setting){
        TEXT("general"), TEXT("callto"),
        settings == Signing ? TEXT("sip/sip:cluster/@\\0.example.net:5060")
                            : TEXT("sip/sip:cluster/${called}@\\0.example.net:5060")};
    if (settings != Sources)
        list[count++] =
            settings == Signing
                ? (clustering_setting){TEXT("security"), TEXT("secret"),
                                       TEXT("the secret of us all")}
                : (clustering_setting){TEXT("security"), TEXT("trusted"), TEXT("10.0.0.0/24")};
    for (int i = 0; settings >= Equal && i < NODES; i++) {
        snprintf(sections[i], sizeof(sections[i]), "node node%d", i + 1);
        if (settings == Sources)
            snprintf(values[i], sizeof(values[i]), "10.0.%d.%d", i / 250, i % 250 + 1);
        else
            snprintf(values[i], sizeof(values[i]), "%d", settings == Equal ? 100 : NODES + i);
        const char* key = settings == Sources ? "source" : "weight";
        list[count++] = (clustering_setting){TEXT(sections[i]), TEXT(key), TEXT(values[i])};
    }
    clustering_core* node = clustering_new(TEXT(name), 7);
    if (clustering_load(node, TEXT("counts.c"), TEXT(""), list, count, NULL) !=
        CLUSTERING_RESULT_OK)
        die("the settings are refused", name);
    return node;
}

// The number of a parameter name.
static uint32_t number(clustering_borrowed_text name) {
    for (uint32_t i = 0; i < CLUSTERING_NAME_COUNT; i++) {
        const clustering_borrowed_text known = clustering_name(i);
        if (known.len == name.len && !memcmp(known.ptr, name.ptr, name.len))
            return i;
    }
    return CLUSTERING_NAME_COUNT;
}

// A message as the shim has read it, with the texts that are made for it.
typedef struct {
    char texts[CLUSTERING_NAME_COUNT][256];
    clustering_borrowed_text known[CLUSTERING_NAME_COUNT];
    clustering_message abi;
} Message;

static void set(Message* message, clustering_kind kind, clustering_borrowed_text name,
                clustering_borrowed_text value) {
    const uint32_t at = number(name);
    if (at == CLUSTERING_NAME_COUNT || !(clustering_kind_names(kind) >> at & 1))
        return; // the shim skips it
    memcpy(message->texts[at], value.ptr, value.len);
    message->known[at] = (clustering_borrowed_text){(const uint8_t*)message->texts[at], value.len};
    message->abi.present |= UINT64_C(1) << at;
}

static void fill(Message* message, const Path* path, unsigned at) {
    const uint64_t now = UINT64_C(1767225600000000); // an hour of some day
    message->abi = (clustering_message){message->known, 0, 0, NULL, 0, false, now, now};
    for (int i = 0; path->params[i][0]; i++) {
        char value[256];
        snprintf(value, sizeof(value), path->params[i][1], at);
        set(message, path->kind, TEXT(path->params[i][0]), TEXT(value));
    }
}

// Adds the headers that another node sends a call with: its osip_NAME comes here as sip_NAME.
static void sign(Message* message, const clustering_core* sender, unsigned at) {
    static const Path call = {.kind = CLUSTERING_KIND_EXECUTE,
                              .params = {CALL, CALLED, {"callto", "cluster/node1/" PHONE}}};
    static Message sent;
    fill(&sent, &call, at);
    clustering_verdict verdict;
    clustering_decide(sender, CLUSTERING_KIND_EXECUTE, &sent.abi, &verdict);
    for (size_t i = 0; i < verdict.edit_count; i++) {
        const clustering_borrowed_text name = clustering_name(verdict.edits[i].name);
        if (name.len > 5 && !memcmp(name.ptr, "osip_", 5) &&
            verdict.edits[i].kind == CLUSTERING_EDIT_KIND_SET)
            set(message, CLUSTERING_KIND_ROUTE,
                (clustering_borrowed_text){name.ptr + 1, name.len - 1}, verdict.edits[i].value);
    }
    clustering_verdict_release(&verdict);
}

// The calls that are counted: all that the shim makes for a message, and a look at each edit.
// Returns whether the verdict is the expected one, and no error.
__attribute__((noinline)) bool decided(const clustering_core* node, const Path* path,
                                       const clustering_message* message, bool filtered,
                                       uint32_t error) {
    if (filtered && !clustering_concerns(node, path->kind, message))
        return path->action == CLUSTERING_ACTION_PASS;
    clustering_verdict verdict;
    clustering_decide(node, path->kind, message, &verdict);
    bool right = verdict.action == path->action;
    for (size_t i = 0; i < verdict.edit_count; i++)
        right = right && verdict.edits[i].name != error;
    clustering_verdict_release(&verdict);
    return right;
}

static const Path* find(const char* name) {
    for (int i = 0; i < PATHS; i++) {
        if (!strcmp(paths[i].name, name))
            return &paths[i];
    }
    return NULL;
}

int main(int argc, char** argv) {
    for (int i = 0; argc == 1 && i < PATHS; i++)
        puts(paths[i].name);
    if (argc == 1)
        return 0;
    const Path* path = find(argv[1]);
    if (!path)
        die("no such path", argv[1]);
    static Message message;
    const uint32_t error = number(TEXT("error"));
    const bool filtered = clustering_kind_filtered(path->kind);
    clustering_core* node = make_node("node1", path->settings);
    clustering_core* sender = make_node("node2", Signing);
    for (unsigned at = 0; at < WARMUP + MESSAGES; at++) {
        fill(&message, path, at);
        if (path->kind == CLUSTERING_KIND_ROUTE && path->settings == Signing)
            sign(&message, sender, at);
        if (at < WARMUP) {
            clustering_verdict verdict;
            clustering_decide(node, path->kind, &message.abi, &verdict);
            clustering_verdict_release(&verdict);
        } else if (!decided(node, path, &message.abi, filtered, error)) {
            die("the verdict is another one", path->name);
        }
    }
    clustering_free(&sender);
    clustering_free(&node);
    printf("%d\n", MESSAGES);
    return 0;
}
