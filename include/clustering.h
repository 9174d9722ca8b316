/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The C ABI of the clustering core: what a node of a cluster makes of calls, registrations and instant
 * messages. The core does no I/O. The host gives it the parameters of a message, and gets a verdict: what
 * to do with that message. docs/embedding.md shows how to build a host, examples/embed.c is one.
 * This file is made from src/ffi.rs and src/ffi/: don't edit it.
 *
 * Life of a node
 *   clustering_abi_check, first of all, so that no host takes one structure for another;
 *   clustering_new; clustering_restore, if there is a state that was kept; clustering_load, again for each
 *   change of the settings; messages and chores; clustering_free. Nodes know nothing of each other: a process
 *   may have several.
 *
 * A message
 *   1. Find its known parameters: for each number in clustering_kind_names(kind) the first one that is
 *      named clustering_name(number).
 *   2. Where clustering_kind_filtered(kind), ask clustering_concerns: it costs less than a verdict, and most
 *      messages are none of the cluster's.
 *   3. clustering_decide makes a verdict; where that says CLUSTERING_NEED_ALL release it, and decide again
 *      with all parameters.
 *   4. If `level` isn't 0 and the host logs at that level, log clustering_verdict_line.
 *   5. Do what `action` says. Where it says that something is to be asked, clustering_located takes the
 *      answer and makes the final verdict.
 *   6. clustering_verdict_release, for each verdict that was made, whatever it says.
 *
 * Chores
 *   What is to be done that is no answer to a message is on a list: take it by clustering_chore_next, until
 *   there is nothing, once a second after clustering_tick, and after clustering_command.
 *
 * Texts
 *   are bytes with a length, not NUL-terminated and not necessarily UTF-8. A NULL is an empty one.
 *
 * Ownership
 *   What an entry takes it only borrows: for the call, or for as long as the verdict lives where it says so.
 *   A clustering_bytes that it gives belongs to the core; it lives as long as the verdict that it is in, or for
 *   ever. A clustering_text that it gives is the host's, who gives it to clustering_text_free, once. A
 *   clustering_verdict is memory of the host's, such as its stack, with something of the core's in it until it
 *   is released; it must not be moved or copied.
 *
 * Threads
 *   Any entry may be called from any thread at any time, also several on one node, but for clustering_free,
 *   which must be the last one. A verdict is one thread's at a time. No entry waits for anything outside of
 *   the core, and none calls back. The core starts no threads and leaves nothing behind in those of the host,
 *   so the library that it is in may be unloaded.
 *
 * NULL
 *   is allowed for every pointer, and so is any number for a kind or a name. A text or a list that is NULL is an
 *   empty one, and an output that is NULL is left out; for any other NULL nothing is done, and the result is
 *   CLUSTERING_BAD_ARGUMENT, false, 0 or an empty text.
 *
 * Results
 *   CLUSTERING_OK is 0, the other numbers of clustering_result are failures. The node can be used as before
 *   whatever the result; and verdicts and texts of errors are always made, so release and free them.
 *
 * Panics
 *   No entry throws or lets a panic out. Should the core fail, the result is CLUSTERING_PANIC: a message
 *   then passes unchanged, the failure is counted in clustering_status and logged, and the node goes on. Only
 *   where there is no memory left the process is ended, by abort().
 *
 * Time
 *   comes from the host, in microseconds, from two clocks: that of messages counts from 1970 and is about the
 *   same on all nodes, that of clustering_tick never steps back.
 *
 * Versions
 *   CLUSTERING_ABI_VERSION is the number of the declarations below. Whatever changes one of them or adds one
 *   changes the number, too; clustering_version is the core's own version, for people. Numbers of kinds,
 *   actions and results are never given another meaning.
 */

#ifndef CLUSTERING_H
#define CLUSTERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The number of the ABI that this header declares, for `clustering_abi_check`. Each change of a declaration
 * gives it another one.
 */
#define CLUSTERING_ABI_VERSION 2

/**
 * How many kinds there are.
 */
#define CLUSTERING_KINDS 10

/**
 * How many parameter names have a number; see `clustering_name`.
 */
#define CLUSTERING_NAMES 44

/**
 * How long these names are at most.
 */
#define CLUSTERING_NAME_LENGTH 16

/**
 * The words that a `clustering_verdict` keeps for the core.
 */
#define CLUSTERING_VERDICT_WORDS 216

/**
 * How an entry ended. Numbers are never given another meaning.
 */
typedef enum {
  /**
   * As it should.
   */
  CLUSTERING_OK = 0,
  /**
   * The core failed; nothing was changed, the failure was counted.
   */
  CLUSTERING_PANIC = 1,
  /**
   * An argument was NULL or out of range.
   */
  CLUSTERING_BAD_ARGUMENT = 2,
  /**
   * The settings are wrong, or the state is damaged; nothing of it was taken.
   */
  CLUSTERING_BAD_SETTINGS = 3,
  /**
   * The host was built for another ABI.
   */
  CLUSTERING_BAD_ABI = 4,
} clustering_result;

/**
 * What a verdict asks for.
 */
typedef enum {
  /**
   * Nothing: the message goes on as it is.
   */
  CLUSTERING_PASS = 0,
  /**
   * Write the edits; the message goes on.
   */
  CLUSTERING_CHANGE = 1,
  /**
   * Write the edits and the return value; the message is handled.
   */
  CLUSTERING_ANSWER = 2,
  /**
   * Dispatch a message that is named as `retval` and has the edits as its parameters, then call
   * `clustering_located`.
   */
  CLUSTERING_LOCATE = 3,
  /**
   * Release this verdict and ask again with all the parameters of the message.
   */
  CLUSTERING_NEED_ALL = 4,
  /**
   * Dispatch a copy of the message with the edits written into it; the message gets the return value
   * and the parameters `code`, `error` and `reason` that the copy then has, and is handled if the copy is.
   */
  CLUSTERING_SEND = 5,
  /**
   * Ask a database by a message that is named as `retval` and has the edits as its parameters, for no
   * longer than `timeout`, then call `clustering_located`.
   */
  CLUSTERING_ASK = 6,
} clustering_action;

/**
 * What to do with a parameter.
 */
typedef enum {
  /**
   * Set the first parameter of that name to the value, or append one.
   */
  CLUSTERING_SET = 0,
  /**
   * Remove all parameters of that name, or of all names that it stands for.
   */
  CLUSTERING_CLEAR = 1,
} clustering_edit_kind;

/**
 * What the host is to do, besides answering messages.
 */
typedef enum {
  /**
   * Say `text` in the log, at `level`.
   */
  CLUSTERING_SAY = 0,
  /**
   * Send an OPTIONS request to the URI `text`, `tries` times at most, then call `clustering_probed`
   * with `node` and `number`.
   */
  CLUSTERING_PROBE = 1,
  /**
   * Keep what `clustering_state` says.
   */
  CLUSTERING_SAVE = 2,
} clustering_chore_kind;

/**
 * The messages that the cluster has a say in.
 */
typedef enum {
  /**
   * `call.route`
   */
  CLUSTERING_ROUTE = 0,
  /**
   * `call.execute`
   */
  CLUSTERING_EXECUTE = 1,
  /**
   * `user.register`
   */
  CLUSTERING_REGISTER = 2,
  /**
   * `call.cdr`
   */
  CLUSTERING_CDR = 3,
  /**
   * `cluster.locate`
   */
  CLUSTERING_LOCATION = 4,
  /**
   * `chan.startup`
   */
  CLUSTERING_STARTUP = 5,
  /**
   * `chan.hangup`
   */
  CLUSTERING_HANGUP = 6,
  /**
   * `call.preroute`
   */
  CLUSTERING_PREROUTE = 7,
  /**
   * `user.unregister`
   */
  CLUSTERING_UNREGISTER = 8,
  /**
   * `msg.execute`
   */
  CLUSTERING_MESSAGE = 9,
} clustering_kind;

/**
 * How a probe ended.
 */
typedef enum {
  /**
   * With an answer.
   */
  CLUSTERING_ANSWERED = 0,
  /**
   * Without one, or it could not be sent.
   */
  CLUSTERING_FAILED = 1,
  /**
   * Nobody here sends requests.
   */
  CLUSTERING_UNHANDLED = 2,
} clustering_outcome;

/**
 * A node's view of its cluster. Opaque.
 */
typedef struct clustering_core clustering_core;

/**
 * A text: not NUL-terminated, `len` bytes. With NULL for `ptr` it's empty, whatever `len` says.
 */
typedef struct {
  /**
   * The first byte.
   */
  const uint8_t *ptr;
  /**
   * How many bytes.
   */
  size_t len;
} clustering_bytes;

/**
 * A text that the core has allocated. Give it to `clustering_text_free` once.
 */
typedef struct {
  /**
   * The first byte; NULL where there is no text.
   */
  uint8_t *ptr;
  /**
   * How many bytes.
   */
  size_t len;
} clustering_text;

/**
 * One `key=value` of a file of settings.
 */
typedef struct {
  /**
   * The section that it stands in.
   */
  clustering_bytes section;
  /**
   * The key; empty for a section that has no entries.
   */
  clustering_bytes key;
  /**
   * The value.
   */
  clustering_bytes value;
} clustering_setting;

/**
 * A parameter of a message. One without a value has an empty value.
 */
typedef struct {
  /**
   * Its name.
   */
  clustering_bytes name;
  /**
   * Its value.
   */
  clustering_bytes value;
} clustering_param;

/**
 * A message as the core sees it.
 */
typedef struct {
  /**
   * The values by the number of the name, `CLUSTERING_NAMES` of them: of each parameter the first
   * one.
   */
  const clustering_bytes *known;
  /**
   * Which of them are there: bit 0 for number 0, and so on. The others are not looked at. Those that
   * are not of `clustering_kind_names` need not be told.
   */
  uint64_t present;
  /**
   * Which of them the message has more than once.
   */
  uint64_t repeated;
  /**
   * All parameters in order; NULL where the message isn't complete.
   */
  const clustering_param *params;
  /**
   * How many parameters.
   */
  size_t count;
  /**
   * Whether all parameters are given, too.
   */
  bool complete;
  /**
   * Microseconds since 1970, by which signatures are dated and authenticated: for `CLUSTERING_ROUTE` and
   * `CLUSTERING_PREROUTE` when the message came, else now.
   */
  uint64_t now;
} clustering_message;

/**
 * One change of a message's parameters.
 */
typedef struct {
  /**
   * What to do.
   */
  clustering_edit_kind kind;
  /**
   * The number of the parameter's name, see `clustering_name`.
   */
  uint32_t name;
  /**
   * The value to set.
   */
  clustering_bytes value;
} clustering_edit;

/**
 * One change of a parameter whose name has no number.
 */
typedef struct {
  /**
   * What to do.
   */
  clustering_edit_kind kind;
  /**
   * The parameter's name.
   */
  clustering_bytes name;
  /**
   * The value to set.
   */
  clustering_bytes value;
} clustering_other_edit;

/**
 * The answer to a message, in memory of the caller's; it must not be moved or copied.
 */
typedef struct {
  /**
   * What to do.
   */
  clustering_action action;
  /**
   * The level at which something is to be said, 0 for nothing to say.
   */
  int32_t level;
  /**
   * The edits, to be written in this order.
   */
  const clustering_edit *edits;
  /**
   * How many edits.
   */
  size_t edit_count;
  /**
   * Edits of parameters that have no number, to be written in this order after the others.
   */
  const clustering_other_edit *other_edits;
  /**
   * How many of these.
   */
  size_t other_edit_count;
  /**
   * The return value of an answer, the name of a message that is to be dispatched.
   */
  clustering_bytes retval;
  /**
   * How long to wait for a database, in milliseconds.
   */
  uint32_t timeout;
  /**
   * The core's own: leave it alone.
   */
  uint64_t core_private[CLUSTERING_VERDICT_WORDS];
} clustering_verdict;

/**
 * What a message of the core's came back with.
 */
typedef struct {
  /**
   * Some handler took the message.
   */
  bool handled;
  /**
   * Its return value; of a database the first column of the last row.
   */
  clustering_bytes node;
  /**
   * A database has given a row.
   */
  bool has_row;
  /**
   * A database has not answered in time.
   */
  bool timed_out;
  /**
   * There is an `error` parameter.
   */
  bool has_error;
  /**
   * The value of the `error` parameter.
   */
  clustering_bytes error;
  /**
   * The value of the `reason` parameter, empty where there is none.
   */
  clustering_bytes reason;
} clustering_answer;

/**
 * Something that the host is to do. Both texts are the host's, to be freed.
 */
typedef struct {
  /**
   * What to do.
   */
  clustering_chore_kind kind;
  /**
   * The level of a line for the log.
   */
  int32_t level;
  /**
   * The line, or the URI.
   */
  clustering_text text;
  /**
   * The node that is probed.
   */
  clustering_text node;
  /**
   * Which of its probes it is.
   */
  uint64_t number;
  /**
   * How often to send it at most.
   */
  uint32_t tries;
} clustering_chore;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The number of the ABI that the core has.
 */
uint32_t clustering_abi_version(void);

/**
 * The version of the core, such as `1.0.0`; for ever valid.
 */
clustering_bytes clustering_version(void);

/**
 * Checks that the host was built for the ABI that the core has: `version` is the host's
 * `CLUSTERING_ABI_VERSION`. To be called before any other entry; after `CLUSTERING_BAD_ABI` no other may be
 * called but `clustering_text_free`.
 *
 * `error`, unless NULL, gets a line that says what doesn't fit, else an empty text. Free it in both cases.
 * This entry, `clustering_abi_version`, `clustering_text` and `clustering_text_free` are the same in every ABI.
 *
 * \pre `error` is NULL or valid for a write.
 */
clustering_result clustering_abi_check(uint32_t version,
                                       clustering_text *error);

/**
 * Frees a text that the core has allocated.
 *
 * \pre `text` came from the core and was not freed.
 */
void clustering_text_free(clustering_text text);

/**
 * Makes a node that does nothing until `clustering_load`; the caller owns it.
 *
 * `node` is the node's name; with an empty one the node stays disabled. `process` is a random number,
 * which no other process of the cluster may have. NULL is returned where the core failed.
 *
 * \pre `node` is valid for the call.
 */
clustering_core *clustering_new(clustering_bytes node,
                                uint64_t process);

/**
 * Frees a node. Nobody may be inside another entry with it. NULL is fine.
 *
 * \pre `core` came from `clustering_new` and is used no more.
 */
void clustering_free(clustering_core *core);

/**
 * Puts a file of settings in force.
 *
 * `file` is its path, for errors; `settings` its `count` entries in order; NULL for none, whatever `count` says. Where
 * it's refused `errors`, unless NULL, gets a line for each thing that is wrong, and the settings in
 * force stay; else an empty text. Free it in both cases.
 *
 * \pre `core` is NULL or a node; `file`, the entries and their texts are valid for the call; `errors` is
 * NULL or valid for a write.
 */
clustering_result clustering_load(const clustering_core *core,
                                  clustering_bytes file,
                                  const clustering_setting *settings,
                                  size_t count,
                                  clustering_text *errors);

/**
 * Whether the settings in force let the node do anything; `false` for NULL.
 *
 * \pre `core` is NULL or a node.
 */
bool clustering_enabled(const clustering_core *core);

/**
 * The priority at which messages of a kind are to be handled; 0 where they are not, where `kind` is
 * no `clustering_kind`, or for NULL.
 *
 * \pre `core` is NULL or a node.
 */
uint32_t clustering_priority(const clustering_core *core, uint32_t kind);

/**
 * The parameter name of a number below `CLUSTERING_NAMES`, for ever valid; empty for other numbers.
 *
 * A `*` at its end stands for whatever else a name has there, unless that makes another of these names: of such
 * parameters, too, the first one is the known one, and all are removed together.
 */
clustering_bytes clustering_name(uint32_t number);

/**
 * The name of the messages of a kind, for ever valid; empty where there is no such kind.
 */
clustering_bytes clustering_kind_name(uint32_t kind);

/**
 * A bit for each parameter name that matters in messages of a kind: bit 0 for number 0, and so on; none
 * where there is no such kind.
 *
 * The core asks for no other, so a host need not look for it, and changes no other. A message that the
 * core has the host dispatch may get any.
 */
uint64_t clustering_kind_names(uint32_t kind);

/**
 * Whether some messages of a kind may be no business of the cluster's, so that `clustering_concerns` is
 * worth asking; `false` where there is no such kind.
 */
bool clustering_kind_filtered(uint32_t kind);

/**
 * Whether a message is any business of the cluster's: if not, it passes, and nothing else need be
 * asked. `false` for NULL, and where `kind` is no `clustering_kind`.
 *
 * The message need not be complete.
 *
 * \pre `core` is NULL or a node; `message` is NULL or valid for the call, with all that it points to.
 */
bool clustering_concerns(const clustering_core *core,
                         uint32_t kind,
                         const clustering_message *message);

/**
 * Decides a message.
 *
 * `kind` is a `clustering_kind`. With any NULL or another `kind` nothing is decided. `verdict`, unless
 * NULL itself, is always made and must be released; it borrows from the core and from the parameters'
 * texts.
 *
 * \pre `core` is NULL or a node, which outlives the verdict; `message` is NULL or valid for the call, the
 * texts of its parameters until the edits are written, after which the verdict may only be released
 * or, if it asks for something, handed to `clustering_located`; `verdict` is NULL or memory for a verdict that
 * holds none, as for every entry that makes one.
 */
clustering_result clustering_decide(const clustering_core *core,
                                    uint32_t kind,
                                    const clustering_message *message,
                                    clustering_verdict *verdict);

/**
 * Goes on with a message for which something was asked, by `CLUSTERING_LOCATE` or `CLUSTERING_ASK`.
 *
 * `pending` is the verdict that asked for it, not yet released, and not the place of `verdict`. `message` is again
 * the message, complete and with the time of now. `answer` is what came back. The rest is as for
 * `clustering_decide`.
 *
 * \pre As for `clustering_decide`; `pending` is NULL or a verdict, `answer` is NULL or valid for the call,
 * its texts until `verdict` is released.
 */
clustering_result clustering_located(const clustering_core *core,
                                     const clustering_verdict *pending,
                                     const clustering_message *message,
                                     const clustering_answer *answer,
                                     clustering_verdict *verdict);

/**
 * The line that a verdict has for the log; free it. To be asked before the edits are written. NULL gives
 * no text.
 *
 * \pre `verdict` is NULL or a verdict whose borrowed texts are as they were.
 */
clustering_text clustering_verdict_line(const clustering_verdict *verdict);

/**
 * Releases a verdict, after which its memory may be used for another. NULL is fine.
 *
 * \pre `verdict` is NULL or a verdict, which is used no more.
 */
void clustering_verdict_release(clustering_verdict *verdict);

/**
 * Looks after the nodes: to be called every second, then `clustering_chore_next`. `now` is in
 * microseconds, on a clock of the host's that never steps back. NULL is fine.
 *
 * \pre `core` is NULL or a node.
 */
void clustering_tick(const clustering_core *core, uint64_t now);

/**
 * Takes the next thing that is to be done; `false` where there is none, or for NULL. To be called until
 * then after `clustering_tick`; and after `clustering_command`, so that what was wanted is kept at once.
 *
 * \pre `core` is NULL or a node; `next` is NULL or valid for a write.
 */
bool clustering_chore_next(const clustering_core *core,
                           clustering_chore *next);

/**
 * Takes how a probe of `node` ended: `outcome` is a `clustering_outcome`, `answer` its code, `now`
 * on the clock of `clustering_tick`. NULL is fine, and so is an answer to a probe that is forgotten.
 *
 * \pre `core` is NULL or a node; `node` is valid for the call.
 */
void clustering_probed(const clustering_core *core,
                       clustering_bytes node,
                       uint64_t number,
                       uint32_t outcome,
                       uint32_t answer,
                       uint64_t now);

/**
 * What is to be kept until the next start of the host, never empty; free it. NULL gives no text, and neither does
 * a failure: then what was kept before is worth more.
 *
 * \pre `core` is NULL or a node.
 */
clustering_text clustering_state(const clustering_core *core);

/**
 * Goes on with what `clustering_state` said. Where that is damaged nothing of it is taken, and `error`, unless
 * NULL, gets the reason; else an empty text. Free it in both cases.
 *
 * \pre `core` is NULL or a node; `state` is valid for the call; `error` is NULL or valid for a write.
 */
clustering_result clustering_restore(const clustering_core *core,
                                     clustering_bytes state,
                                     clustering_text *error);

/**
 * The parameters of `status clustering`, as `name=value` with commas between; free it. NULL gives
 * no text.
 *
 * \pre `core` is NULL or a node.
 */
clustering_text clustering_status(const clustering_core *core);

/**
 * The nodes in `status clustering`, as `NODE=column|column...` with commas between; free it. NULL gives no
 * text.
 *
 * \pre `core` is NULL or a node.
 */
clustering_text clustering_status_nodes(const clustering_core *core);

/**
 * What the columns of `clustering_status_nodes` are: `format=Name|Name...`; for ever valid.
 */
clustering_bytes clustering_status_format(void);

/**
 * Says what is wrong with a file of settings, or how it would work, in lines with line feeds at their ends;
 * free it. The settings in force stay. The arguments are those of `clustering_load`; NULL for `core` gives no
 * text.
 *
 * \pre `core` is NULL or a node; `file`, the entries and their texts are valid for the call.
 */
clustering_text clustering_check(const clustering_core *core,
                                 clustering_bytes file,
                                 const clustering_setting *settings,
                                 size_t count);

/**
 * Carries out a command: `line` is what stands behind the command's own word. `false` where that is
 * nothing of the kind, or for NULL; else `answer`, unless NULL, gets lines with line feeds at
 * their ends. Free it in both cases.
 *
 * \pre `core` is NULL or a node; `line` is valid for the call; `answer` is NULL or valid for a write.
 */
bool clustering_command(const clustering_core *core,
                        clustering_bytes line,
                        clustering_text *answer);

/**
 * The words that may follow `line`, which stands behind the command's own word, with line feeds at their
 * ends; free it. NULL gives no text.
 *
 * \pre `core` is NULL or a node; `line` is valid for the call.
 */
clustering_text clustering_complete(const clustering_core *core,
                                    clustering_bytes line);

/**
 * How to use the command, a line for each use, with line feeds at their ends; free it.
 */
clustering_text clustering_help(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CLUSTERING_H */
