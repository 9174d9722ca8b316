/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The C ABI of the clustering core: the decisions of a node of a cluster on calls, registrations and instant
 * messages. The core does no I/O. The host hands over the parameters of a message and gets a verdict: the
 * action to take on that message. docs/embedding.md shows how to build a host; examples/embed.c is one.
 * This file is made from src/ffi.rs and src/ffi/: don't edit it.
 *
 * Life of a node
 *   1. clustering_abi_check comes before all else, so that no host takes one structure for another.
 *   2. clustering_new makes the node.
 *   3. clustering_restore takes the state that was kept, if there is one.
 *   4. clustering_load takes the settings, again after each change.
 *   5. Messages and tasks, as below.
 *   6. clustering_free ends the node.
 *   Nodes know nothing of each other: a process may have several.
 *
 * A message
 *   1. The host finds the known parameters: for each number in clustering_kind_names(kind) the first one whose
 *      name is clustering_name(number).
 *   2. Where clustering_kind_filtered(kind), the host asks clustering_concerns. That costs less than a verdict,
 *      and most messages don't concern the cluster. For that the parameters of clustering_kind_concern_names(kind)
 *      are enough.
 *   3. clustering_decide makes a verdict. On CLUSTERING_ACTION_NEED_ALL the host releases it, and decides again
 *      with all parameters.
 *   4. If `level` isn't 0 and the host logs at that level, it logs clustering_verdict_line.
 *   5. The host carries out the `action`. On CLUSTERING_ACTION_LOCATE and CLUSTERING_ACTION_ASK it hands the
 *      reply, a list of facts, to clustering_resume, which makes the final verdict.
 *   6. clustering_verdict_release ends each verdict that was made, whatever its action is.
 *
 * Tasks
 *   Work that answers no message is on a list. The host takes it by clustering_next_task until there is none:
 *   after clustering_tick, which it calls once a second, after clustering_load and after clustering_command.
 *
 * Texts
 *   are bytes with a length, not NUL-terminated, not necessarily UTF-8. A text with a NULL pointer is empty.
 *
 * Ownership
 *   An argument is borrowed: for the call, or for the life of the verdict where the function says so.
 *   A clustering_borrowed_text of the core's belongs to the core. It lives as long as the verdict that it is
 *   in, or for ever. A clustering_owned_text belongs to the host, which frees it with
 *   clustering_owned_text_free. A clustering_verdict is memory of the host's, such as its stack, with a value of
 *   the core's in it until it is released; it must not be moved or copied.
 *   A function that frees takes a pointer to the thing, and clears the thing: a second call does nothing.
 *
 * Threads
 *   Any thread may call any function at any time, also several threads with one node; only clustering_free must
 *   be the last call. A verdict, a text or a task is one thread's at a time. No function waits for anything
 *   outside of the core, and none calls back. The core starts no threads and leaves nothing behind in those of
 *   the host, so the library that it is in may be unloaded.
 *
 * NULL
 *   is allowed for every pointer, and any number for a kind or a name. A text or a list that is NULL is empty.
 *   A result that is to be written to NULL is left out. For any other NULL nothing is done, and the function
 *   returns CLUSTERING_RESULT_BAD_ARGUMENT, false, 0 or an empty text.
 *
 * Results
 *   CLUSTERING_RESULT_OK is 0, the other numbers of clustering_result are failures. The node works as before
 *   after any of them. Verdicts and texts of errors are always made: release and free them.
 *
 * Panics
 *   No function throws or lets a panic out. Should the core fail, the result is CLUSTERING_RESULT_PANIC: a
 *   message then passes unchanged, the failure is counted in clustering_status and logged, and the node goes
 *   on. Only where no memory is left is the process ended, by abort().
 *
 * Time
 *   comes from the host, in microseconds, from two clocks. The times in a clustering_message count from 1970,
 *   about the same on all nodes. The `now` of clustering_tick and clustering_probed is of a clock that never
 *   steps back.
 *
 * Names
 *   The values of an enum begin with the enum's name, all other names with clustering_ or CLUSTERING_.
 *
 * Versions
 *   CLUSTERING_ABI_VERSION is the number of the declarations below: each change of one, and each new one,
 *   changes the number. clustering_version is the core's own version, for people. The numbers of kinds,
 *   actions and results never get another meaning.
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
 * The number of kinds.
 */
#define CLUSTERING_KIND_COUNT 13

/**
 * The number of parameter names that have a number; see `clustering_name`.
 */
#define CLUSTERING_NAME_COUNT 49

/**
 * The greatest length of these names, in bytes.
 */
#define CLUSTERING_NAME_MAX_LENGTH 16

/**
 * The number of words that a `clustering_verdict` keeps for the core.
 */
#define CLUSTERING_VERDICT_WORDS 212

/**
 * The most queries that a host has under way at a time, each with a thread of its own: so a database that
 * doesn't answer takes no more. Others wait for their turn, within their time.
 */
#define CLUSTERING_MAX_QUERIES 16

/**
 * The most names that a host has to look up at a time, each on a thread of its own.
 */
#define CLUSTERING_MAX_LOOKUPS 8

/**
 * The result of a function. Numbers are never given another meaning.
 */
typedef enum {
  /**
   * It was done.
   */
  CLUSTERING_RESULT_OK = 0,
  /**
   * The core failed; nothing was changed, the failure was counted.
   */
  CLUSTERING_RESULT_PANIC = 1,
  /**
   * An argument was NULL or out of range; nothing was done.
   */
  CLUSTERING_RESULT_BAD_ARGUMENT = 2,
  /**
   * The settings are wrong, or the state is damaged; nothing of it was taken.
   */
  CLUSTERING_RESULT_BAD_SETTINGS = 3,
  /**
   * The host was built for another ABI.
   */
  CLUSTERING_RESULT_BAD_ABI = 4,
} clustering_result;

/**
 * The action that a verdict asks for.
 */
typedef enum {
  /**
   * Nothing: the message goes on as it is.
   */
  CLUSTERING_ACTION_PASS = 0,
  /**
   * Write the edits; the message goes on.
   */
  CLUSTERING_ACTION_CHANGE = 1,
  /**
   * Write the edits and the return value; the message is handled.
   */
  CLUSTERING_ACTION_ANSWER = 2,
  /**
   * Dispatch a message that is named as `retval` and has the edits as its parameters, then call
   * `clustering_resume`.
   */
  CLUSTERING_ACTION_LOCATE = 3,
  /**
   * Release this verdict and ask again with all the parameters of the message.
   */
  CLUSTERING_ACTION_NEED_ALL = 4,
  /**
   * Dispatch a copy of the message with the edits written into it; the message gets the return value
   * and the parameters `code`, `error` and `reason` that the copy then has, and is handled if the copy is. Where it
   * isn't, and has no error, that is `noconn`.
   */
  CLUSTERING_ACTION_SEND = 5,
  /**
   * Ask a database by a message that is named as `retval` and has the edits as its parameters, for no
   * longer than `timeout`, then call `clustering_resume`.
   */
  CLUSTERING_ACTION_ASK = 6,
  /**
   * Look up what `clustering_next_lookup` gives, wait until `clustering_resolving` is false for the name that
   * stands in `retval`, for no longer than `timeout`, then call `clustering_resume`.
   */
  CLUSTERING_ACTION_RESOLVE = 7,
  /**
   * Write the edits, and keep the message from all further handlers; it counts as not handled.
   */
  CLUSTERING_ACTION_REFUSE = 8,
} clustering_action;

/**
 * The kind of an edit.
 */
typedef enum {
  /**
   * Set the first parameter of that name to the value, or append one.
   */
  CLUSTERING_EDIT_KIND_SET = 0,
  /**
   * Remove all parameters of that name, or of all names that it stands for.
   */
  CLUSTERING_EDIT_KIND_CLEAR = 1,
} clustering_edit_kind;

/**
 * The kind of a task.
 */
typedef enum {
  /**
   * Log the line `text` at `level`.
   */
  CLUSTERING_TASK_KIND_LOG = 0,
  /**
   * Send an OPTIONS request to the URI `text`, by `connection` and `transport`, `tries` times at most, then call
   * `clustering_probed` with `node` and `number`.
   */
  CLUSTERING_TASK_KIND_PROBE = 1,
  /**
   * Keep the text of `clustering_state` for the next start.
   */
  CLUSTERING_TASK_KIND_SAVE = 2,
  /**
   * Have the database account `node` answer the query `text`, on a thread that may wait, then call
   * `clustering_queried` with `number`.
   */
  CLUSTERING_TASK_KIND_QUERY = 3,
  /**
   * Count the channels of the host, on a thread that may wait, then call `clustering_counted`.
   */
  CLUSTERING_TASK_KIND_COUNT = 4,
  /**
   * Tell all modules of the host that a node's state has changed. Each line of `text` is a parameter,
   * `name=value`. Whoever hears of it need not be waited for.
   */
  CLUSTERING_TASK_KIND_EVENT = 5,
} clustering_task_kind;

/**
 * The kinds of messages that the cluster decides or observes.
 */
typedef enum {
  /**
   * `call.route`
   */
  CLUSTERING_KIND_ROUTE = 0,
  /**
   * `call.execute`
   */
  CLUSTERING_KIND_EXECUTE = 1,
  /**
   * `user.register`
   */
  CLUSTERING_KIND_REGISTER = 2,
  /**
   * `call.cdr`
   */
  CLUSTERING_KIND_CDR = 3,
  /**
   * `cluster.locate`
   */
  CLUSTERING_KIND_LOCATE = 4,
  /**
   * `chan.startup`
   */
  CLUSTERING_KIND_STARTUP = 5,
  /**
   * `chan.hangup`
   */
  CLUSTERING_KIND_HANGUP = 6,
  /**
   * `call.preroute`
   */
  CLUSTERING_KIND_PREROUTE = 7,
  /**
   * `user.unregister`
   */
  CLUSTERING_KIND_UNREGISTER = 8,
  /**
   * `msg.execute`
   */
  CLUSTERING_KIND_MESSAGE = 9,
  /**
   * `call.execute` again, at a later priority
   */
  CLUSTERING_KIND_LATE_EXECUTE = 10,
  /**
   * `msg.execute` again, at a later priority
   */
  CLUSTERING_KIND_LATE_MESSAGE = 11,
  /**
   * `chan.disconnected`
   */
  CLUSTERING_KIND_DISCONNECTED = 12,
} clustering_kind;

/**
 * The outcome of a lookup.
 */
typedef enum {
  /**
   * The name has these addresses.
   */
  CLUSTERING_LOOKUP_FOUND = 0,
  /**
   * There is no such name, or it has no address.
   */
  CLUSTERING_LOOKUP_NO_NAME = 1,
  /**
   * Nobody could say: no server has answered, or no thread could be started.
   */
  CLUSTERING_LOOKUP_FAILED = 2,
} clustering_lookup;

/**
 * A node's view of its cluster. Opaque.
 */
typedef struct clustering_core clustering_core;

/**
 * A text that somebody else owns: bytes with a length, not NUL-terminated, not necessarily UTF-8.
 *
 * With NULL for `ptr` it is empty, whatever `len` is. It is never freed by its receiver.
 */
typedef struct {
  /**
   * The first byte.
   */
  const uint8_t *ptr;
  /**
   * The number of bytes.
   */
  size_t len;
} clustering_borrowed_text;

/**
 * A text that the core has allocated for the host: bytes with a length, as above.
 *
 * The host owns it, and frees it with `clustering_owned_text_free`. It must not be copied and freed twice.
 */
typedef struct {
  /**
   * The first byte; NULL for an empty text.
   */
  uint8_t *ptr;
  /**
   * The number of bytes.
   */
  size_t len;
} clustering_owned_text;

/**
 * One `key=value` of a file of settings.
 */
typedef struct {
  /**
   * The section that it stands in.
   */
  clustering_borrowed_text section;
  /**
   * The key; empty for a section that has no entries.
   */
  clustering_borrowed_text key;
  /**
   * The value.
   */
  clustering_borrowed_text value;
} clustering_setting;

/**
 * A parameter of a message. One without a value has an empty value.
 */
typedef struct {
  /**
   * Its name.
   */
  clustering_borrowed_text name;
  /**
   * Its value.
   */
  clustering_borrowed_text value;
} clustering_param;

/**
 * A message as the host hands it over. All of it is borrowed.
 */
typedef struct {
  /**
   * The values by the number of the name, `CLUSTERING_NAME_COUNT` of them; of several parameters of a name
   * the first one's.
   */
  const clustering_borrowed_text *known;
  /**
   * The set of those that the message has: bit 0 for number 0, and so on. The others are not looked at. A
   * name that isn't of `clustering_kind_names` need not be told.
   */
  uint64_t present;
  /**
   * The set of those that the message has more than once.
   */
  uint64_t repeated;
  /**
   * All parameters in order; NULL where the message isn't complete.
   */
  const clustering_param *params;
  /**
   * The number of parameters.
   */
  size_t count;
  /**
   * Whether `params` has all parameters.
   */
  bool complete;
  /**
   * The time when the host made the message, in microseconds since 1970.
   */
  uint64_t made;
  /**
   * The time now, in microseconds since 1970. Where not `clustering_kind_needs_now`, `made` will do for
   * `clustering_decide`.
   */
  uint64_t now;
} clustering_message;

/**
 * One change of a message's parameters.
 */
typedef struct {
  /**
   * The kind.
   */
  clustering_edit_kind kind;
  /**
   * The number of the parameter's name, see `clustering_name`.
   */
  uint32_t name;
  /**
   * The value to set.
   */
  clustering_borrowed_text value;
} clustering_edit;

/**
 * One change of a parameter whose name has no number.
 */
typedef struct {
  /**
   * The kind.
   */
  clustering_edit_kind kind;
  /**
   * The parameter's name.
   */
  clustering_borrowed_text name;
  /**
   * The value to set.
   */
  clustering_borrowed_text value;
} clustering_other_edit;

/**
 * The verdict on a message, in memory of the host's, such as its stack. The host must not move or copy it, and
 * releases it with `clustering_verdict_release`. All texts in it are borrowed, until then.
 */
typedef struct {
  /**
   * The action.
   */
  clustering_action action;
  /**
   * The level of a line for the log, see `clustering_verdict_line`; 0 where there is none.
   */
  int32_t level;
  /**
   * The edits, to be written in this order.
   */
  const clustering_edit *edits;
  /**
   * The number of edits.
   */
  size_t edit_count;
  /**
   * Edits of parameters whose names have no number, to be written in this order after the others.
   */
  const clustering_other_edit *other_edits;
  /**
   * The number of these.
   */
  size_t other_edit_count;
  /**
   * The return value of an answer, the name of a message that is to be dispatched, the name of a host.
   */
  clustering_borrowed_text retval;
  /**
   * The longest time to wait for a database or for the name of a host, in milliseconds.
   */
  uint32_t timeout;
  /**
   * The core's own: there is something to release.
   */
  bool core_made;
  /**
   * The core's own.
   */
  uint64_t core_private[CLUSTERING_VERDICT_WORDS];
} clustering_verdict;

/**
 * The reply to a message that the core had the host dispatch: facts, whose meaning the core decides. All of
 * it is borrowed.
 */
typedef struct {
  /**
   * No thread could be started for a query, so it was not made.
   */
  bool no_thread;
  /**
   * A database has not answered in time.
   */
  bool timed_out;
  /**
   * Some handler took the message.
   */
  bool handled;
  /**
   * There is an `error` parameter.
   */
  bool has_error;
  /**
   * The return value.
   */
  clustering_borrowed_text retval;
  /**
   * The value of the `error` parameter.
   */
  clustering_borrowed_text error;
  /**
   * The value of the `reason` parameter, empty where there is none.
   */
  clustering_borrowed_text reason;
  /**
   * The first column of a database's rows, `row_count` texts. NULL for none.
   */
  const clustering_borrowed_text *rows;
  /**
   * The number of rows.
   */
  size_t row_count;
} clustering_reply;

/**
 * A task for the host, which owns it and frees it with `clustering_task_free`.
 */
typedef struct {
  /**
   * The kind of the task.
   */
  clustering_task_kind kind;
  /**
   * The level of a line for the log.
   */
  int32_t level;
  /**
   * The line, the URI, the query or the parameters.
   */
  clustering_owned_text text;
  /**
   * The node that is probed, or the database account that is asked.
   */
  clustering_owned_text node;
  /**
   * The number of the probe or the query.
   */
  uint64_t number;
  /**
   * The most times that the request is sent.
   */
  uint32_t tries;
  /**
   * The listener by which the request leaves; empty for the host's choice.
   */
  clustering_owned_text connection;
  /**
   * The transport by which it leaves, `UDP`, `TCP` or `TLS`; empty for the host's choice.
   */
  clustering_owned_text transport;
} clustering_task;

/**
 * The facts of a probe's end. The core decides their meaning for the node.
 */
typedef struct {
  /**
   * No thread could be started for the probe, so it was not sent; the rest is not looked at.
   */
  bool no_thread;
  /**
   * A module of the host took the request.
   */
  bool handled;
  /**
   * The module gave an error.
   */
  bool has_error;
  /**
   * The request came back with headers of an answer.
   */
  bool has_headers;
  /**
   * The SIP code that the request came back with; 0 for none.
   */
  uint32_t code;
  /**
   * The answer's header `Retry-After`; empty for none.
   */
  clustering_borrowed_text retry_after;
} clustering_probe_report;

/**
 * A command of an operator.
 */
typedef struct {
  /**
   * The command without the command's own word, such as `drain node2`.
   */
  clustering_borrowed_text line;
  /**
   * The place where it was given, such as the address of a console, for the log; empty where nobody knows.
   */
  clustering_borrowed_text from;
  /**
   * Microseconds since 1970.
   */
  uint64_t now;
  /**
   * The reply to the query of `clustering_command_query`. NULL for none.
   */
  const clustering_reply *reply;
} clustering_command_line;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Gives the number of the ABI that the core has.
 *
 * Threads: any.
 */
uint32_t clustering_abi_version(void);

/**
 * Gives the version of the core, such as `1.0.0`.
 *
 * Returns a text of the core's, valid for ever. Threads: any.
 */
clustering_borrowed_text clustering_version(void);

/**
 * Checks that the host was built for the ABI that the core has. To be called before any other function.
 *
 * * `version`: the host's `CLUSTERING_ABI_VERSION`.
 * * `error`: gets a line with the reason where they don't fit, else an empty text; the host owns it in both
 *   cases. NULL where no line is wanted.
 *
 * Returns `CLUSTERING_RESULT_OK` or `CLUSTERING_RESULT_BAD_ABI`; after the latter only
 * `clustering_owned_text_free` may be called. This function, that one, `clustering_abi_version` and
 * `clustering_owned_text` are the same in every ABI from 2 on. Threads: any.
 *
 * \pre `error` is NULL or valid for a write.
 */
clustering_result clustering_abi_check(uint32_t version,
                                       clustering_owned_text *error);

/**
 * Frees a text that the core has allocated, and makes it an empty one.
 *
 * * `text`: the text, which the host owns. NULL, and an empty text, are fine.
 *
 * Threads: any, but one at a time for one text.
 *
 * \pre `text` is NULL or valid; the text in it came from the core and was not freed.
 */
void clustering_owned_text_free(clustering_owned_text *text);

/**
 * Makes a node that does nothing until `clustering_load`.
 *
 * * `node`: the node's name; with an empty one the node stays disabled.
 * * `process`: a random number, which no other process of the cluster may have.
 *
 * Returns a node that the host owns and frees with `clustering_free`; NULL where the core failed. Threads: any.
 *
 * \pre `node` is valid for the call.
 */
clustering_core *clustering_new(clustering_borrowed_text node,
                                uint64_t process);

/**
 * Frees a node, and makes the pointer to it NULL. No other function may be at work with the node.
 *
 * * `core`: the place of the pointer, which the host owns. NULL is fine, at both levels.
 *
 * Threads: any, as the last function of all.
 *
 * \pre `core` is NULL or valid; the pointer in it is NULL or came from `clustering_new`, and is used no more.
 */
void clustering_free(clustering_core **core);

/**
 * Puts a file of settings in force, or refuses it as a whole. `clustering_next_task` is to be called afterwards.
 *
 * * `core`: the node.
 * * `file`: the file's path, for errors.
 * * `text`: the file's whole text, in which the lines of mistakes are found, and damaged lines, which are mistakes, too.
 *   Without it an empty text.
 * * `settings`, `count`: the file's entries in order. NULL for none, whatever `count` says.
 * * `errors`: gets a line for each mistake in the file, else an empty text; the host owns it in both cases.
 *   NULL where no lines are wanted.
 *
 * Returns `CLUSTERING_RESULT_OK`; `CLUSTERING_RESULT_BAD_SETTINGS` where the file was refused, because of a mistake
 * or because it would switch clustering off without saying `enabled=no`, `CLUSTERING_RESULT_PANIC` where the core
 * failed: then the settings in force stay;
 * `CLUSTERING_RESULT_BAD_ARGUMENT` for a `core` of NULL. Threads: any.
 *
 * \pre `core` is NULL or a node; `file`, `text`, the entries and their texts are valid for the call; `errors` is
 * NULL or valid for a write.
 */
clustering_result clustering_load(const clustering_core *core,
                                  clustering_borrowed_text file,
                                  clustering_borrowed_text text,
                                  const clustering_setting *settings,
                                  size_t count,
                                  clustering_owned_text *errors);

/**
 * Notes that the file of settings could not be read, so that the status says that older ones are in force.
 *
 * * `core`: the node. NULL is fine.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
void clustering_not_loaded(const clustering_core *core);

/**
 * Tells whether the settings in force let the node do anything.
 *
 * * `core`: the node. NULL gives `false`.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
bool clustering_enabled(const clustering_core *core);

/**
 * Tells whether messages of a kind are decided by the settings in force. If not, they pass.
 *
 * * `core`: the node. NULL gives `false`.
 * * `kind`: a `clustering_kind`; any other number gives `false`.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
bool clustering_decides(const clustering_core *core, uint32_t kind);

/**
 * Gives the priority at which the host is to install its handler for messages of a kind: once, after the
 * first `clustering_load` that wasn't refused. When later settings have another priority, the core has a
 * warning logged.
 *
 * * `core`: the node. NULL gives 0.
 * * `kind`: a `clustering_kind`; any other number gives 0.
 *
 * Returns 0 where the host is to have no handler. Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
uint32_t clustering_priority(const clustering_core *core,
                             uint32_t kind);

/**
 * Gives the state that is to be kept until the next start of the host: the admin states of nodes.
 *
 * * `core`: the node. NULL gives an empty text.
 *
 * Returns a text that the host owns, never an empty one, except where the core failed: then the text that
 * was kept before is worth more. Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
clustering_owned_text clustering_state(const clustering_core *core);

/**
 * Takes the state that was kept, before the first `clustering_load`.
 *
 * * `core`: the node.
 * * `state`: a text of `clustering_state`.
 * * `error`: gets the reason where the state is damaged, else an empty text; the host owns it in both cases.
 *   NULL where none is wanted.
 *
 * Returns `CLUSTERING_RESULT_OK`; `CLUSTERING_RESULT_BAD_SETTINGS` where the state is damaged,
 * `CLUSTERING_RESULT_PANIC` where the core failed: then nothing of it is taken;
 * `CLUSTERING_RESULT_BAD_ARGUMENT` for a `core` of NULL. Threads: any.
 *
 * \pre `core` is NULL or a node; `state` is valid for the call; `error` is NULL or valid for a write.
 */
clustering_result clustering_restore(const clustering_core *core,
                                     clustering_borrowed_text state,
                                     clustering_owned_text *error);

/**
 * Gives the connections of the registrations on this node. The same run of the host takes them over after
 * the module was unloaded and loaded again.
 *
 * * `core`: the node. NULL gives an empty text.
 * * `run`: a text that tells this run of the host from any other.
 *
 * Returns a text that the host owns; an empty one where there are none, or where the core failed. Threads: any.
 *
 * \pre `core` is NULL or a node; `run` is valid for the call.
 */
clustering_owned_text clustering_connections(const clustering_core *core,
                                             clustering_borrowed_text run);

/**
 * Takes the connections that were kept, before the first `clustering_load`. To be called where there are none, too.
 *
 * * `core`: the node.
 * * `connections`: a text of `clustering_connections`, or an empty one.
 * * `run`: as for `clustering_connections`. The connections of another run of the host are left out.
 * * `now`: the time in microseconds, on the clock of `clustering_tick`.
 * * `error`: gets the reason where the text is damaged, else an empty text; the host owns it in both cases.
 *   NULL where none is wanted.
 *
 * Returns the same as `clustering_restore`. Threads: any.
 *
 * \pre `core` is NULL or a node; `connections` and `run` are valid for the call; `error` is NULL or valid for a write.
 */
clustering_result clustering_restore_connections(const clustering_core *core,
                                                 clustering_borrowed_text connections,
                                                 clustering_borrowed_text run,
                                                 uint64_t now,
                                                 clustering_owned_text *error);

/**
 * Gives the parameter name of a number.
 *
 * * `number`: a number below `CLUSTERING_NAME_COUNT`.
 *
 * Returns a text of the core's, valid for ever; an empty one for other numbers. A `*` at its end stands for
 * whatever else a name has there, unless that makes another of these names: of such parameters, too, the first
 * one is the known one, and all are removed together. Threads: any.
 */
clustering_borrowed_text clustering_name(uint32_t number);

/**
 * Gives the name of the messages of a kind, such as `call.route`.
 *
 * * `kind`: a `clustering_kind`.
 *
 * Returns a text of the core's, valid for ever; an empty one where there is no such kind. Threads: any.
 */
clustering_borrowed_text clustering_kind_name(uint32_t kind);

/**
 * Gives the parameter names that matter in messages of a kind.
 *
 * * `kind`: a `clustering_kind`.
 *
 * Returns a set, bit 0 for number 0 and so on; an empty one where there is no such kind. The core reads and
 * writes no other name in such messages, so a host need not look for it. A message that the core has the host
 * dispatch may get any. Threads: any.
 */
uint64_t clustering_kind_names(uint32_t kind);

/**
 * Gives the parameter names that tell `clustering_concerns` whether a message of a kind concerns the cluster: few of
 * those of `clustering_kind_names`.
 *
 * * `kind`: a `clustering_kind`.
 *
 * Returns a set, bit 0 for number 0 and so on; an empty one where there is no such kind, and where all messages
 * concern the cluster. Threads: any.
 */
uint64_t clustering_kind_concern_names(uint32_t kind);

/**
 * Tells whether some messages of a kind may not concern the cluster, so that `clustering_concerns` is worth
 * asking.
 *
 * * `kind`: a `clustering_kind`.
 *
 * Returns `false` where there is no such kind. Threads: any.
 */
bool clustering_kind_filtered(uint32_t kind);

/**
 * Tells whether messages of a kind are decided by the time now, which the host must then look for.
 *
 * * `kind`: a `clustering_kind`.
 *
 * Returns `false` where there is no such kind. Threads: any.
 */
bool clustering_kind_needs_now(uint32_t kind);

/**
 * Tells whether a message concerns the cluster. If not, it passes, and nothing else need be asked.
 *
 * * `core`: the node.
 * * `kind`: a `clustering_kind`.
 * * `message`: the message, which need not be complete.
 *
 * Returns `false` for NULL, and where there is no such kind; `true` where the core failed, so that the failure
 * shows where the message is decided. Threads: any.
 *
 * \pre `core` is NULL or a node; `message` is NULL or valid for the call, with all that it points to.
 */
bool clustering_concerns(const clustering_core *core,
                         uint32_t kind,
                         const clustering_message *message);

/**
 * Decides a message.
 *
 * * `core`: the node.
 * * `kind`: a `clustering_kind`.
 * * `message`: the message.
 * * `verdict`: gets the verdict, which borrows from the core and from the parameters' texts. It is always made,
 *   unless this is NULL, and must be released.
 *
 * Returns `CLUSTERING_RESULT_OK`; `CLUSTERING_RESULT_PANIC` where the core failed: then the verdict lets the message
 * pass, with a line for the log; `CLUSTERING_RESULT_BAD_ARGUMENT` for any NULL and where there is no such kind:
 * then nothing is decided. Threads: any; a verdict is one thread's at a time.
 *
 * \pre `core` is NULL or a node, which outlives the verdict; `message` is NULL or valid for the call, the
 * texts of its parameters until the edits are written, after which the verdict may only be released
 * or, if it asks for something, handed to `clustering_resume`; `verdict` is NULL or memory for a verdict that
 * holds none, as for every entry that makes one.
 */
clustering_result clustering_decide(const clustering_core *core,
                                    uint32_t kind,
                                    const clustering_message *message,
                                    clustering_verdict *verdict);

/**
 * Goes on with a message for which the host has dispatched another one, by `CLUSTERING_ACTION_LOCATE` or
 * `CLUSTERING_ACTION_ASK`, or that has waited, by `CLUSTERING_ACTION_RESOLVE`.
 *
 * * `core`: the node.
 * * `pending`: the verdict that asked for it, not yet released, and not the place of `verdict`.
 * * `message`: the message again, complete and with the time of now.
 * * `reply`: the reply; any one where the message has waited.
 * * `verdict`: gets the final verdict, as in `clustering_decide`.
 *
 * Returns, and threads: as for `clustering_decide`.
 *
 * \pre As for `clustering_decide`; `pending` is NULL or a verdict, `reply` is NULL or valid for the call,
 * its texts until `verdict` is released.
 */
clustering_result clustering_resume(const clustering_core *core,
                                    const clustering_verdict *pending,
                                    const clustering_message *message,
                                    const clustering_reply *reply,
                                    clustering_verdict *verdict);

/**
 * Gives the line that a verdict has for the log. To be asked before the edits are written.
 *
 * * `verdict`: the verdict. NULL gives an empty text.
 *
 * Returns a text that the host owns; an empty one where there is no line, and where the core failed. Threads: any;
 * a verdict is one thread's at a time.
 *
 * \pre `verdict` is NULL or a verdict whose borrowed texts are as they were.
 */
clustering_owned_text clustering_verdict_line(const clustering_verdict *verdict);

/**
 * Releases a verdict, and makes it one that asks for nothing, so that releasing it again is harmless. Its memory may
 * then be used for another.
 *
 * * `verdict`: the verdict. NULL is fine.
 *
 * Threads: any; a verdict is one thread's at a time.
 *
 * \pre `verdict` is NULL or a verdict, released or not.
 */
void clustering_verdict_release(clustering_verdict *verdict);

/**
 * Lets the core's clock go on, and looks after the nodes. To be called regularly, every second or more often;
 * `clustering_next_task` is to be called afterwards.
 *
 * * `core`: the node. NULL is fine.
 * * `now`: microseconds on a clock of the host's that is never set.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
void clustering_tick(const clustering_core *core,
                     uint64_t now);

/**
 * Takes the next task. To be called until there is none, after `clustering_tick`, `clustering_load` and
 * `clustering_command`.
 *
 * * `core`: the node.
 * * `task`: gets the task, which the host owns.
 *
 * Returns whether there was one; `false` where an argument is NULL, and where the core failed, which is counted.
 * Threads: any.
 *
 * \pre `core` is NULL or a node; `task` is NULL or valid for a write.
 */
bool clustering_next_task(const clustering_core *core,
                          clustering_task *task);

/**
 * Frees the texts of a task, and makes them empty ones.
 *
 * * `task`: the task, which the host owns. NULL is fine.
 *
 * Threads: any, but one at a time for one task.
 *
 * \pre `task` is NULL or a task from `clustering_next_task`.
 */
void clustering_task_free(clustering_task *task);

/**
 * Takes the end of a probe.
 *
 * * `core`: the node. NULL is fine.
 * * `node`, `number`: those of the task. Of a probe that is forgotten nothing is taken.
 * * `report`: the facts. Without them, by NULL, nothing is taken.
 * * `now`: microseconds on the clock of `clustering_tick`.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node; `node` is valid for the call; `report` is NULL or valid for the call, with its text.
 */
void clustering_probed(const clustering_core *core,
                       clustering_borrowed_text node,
                       uint64_t number,
                       const clustering_probe_report *report,
                       uint64_t now);

/**
 * Takes the answer to a query. `clustering_next_task` is to be called afterwards.
 *
 * * `core`: the node. NULL is fine.
 * * `number`: that of the task. Of a query that is forgotten nothing is taken.
 * * `reply`: the answer. Without it, by NULL, nothing is taken.
 * * `now`: microseconds on the clock of `clustering_tick`.
 * * `wall`: microseconds since 1970.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node; `reply` is NULL or valid for the call, with all that it points to.
 */
void clustering_queried(const clustering_core *core,
                        uint64_t number,
                        const clustering_reply *reply,
                        uint64_t now,
                        uint64_t wall);

/**
 * Takes the count of the host's channels.
 *
 * * `core`: the node. NULL is fine.
 * * `channels`: the count.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
void clustering_counted(const clustering_core *core, uint64_t channels);

/**
 * Takes the next name of a host that is to be looked up, by whatever the calls to it are resolved by. To be called
 * until there is none: on `CLUSTERING_ACTION_RESOLVE`, and after `clustering_tick`, `clustering_load` and
 * `clustering_resolved`. A lookup may take long, so each has a thread of its own, of which
 * `CLUSTERING_MAX_LOOKUPS` run at most.
 *
 * * `core`: the node.
 * * `name`: gets the name, which the host owns; an empty text where there is none.
 *
 * Returns whether there was one, which `clustering_resolved` then must answer; `false` where an argument is NULL,
 * and where the core failed, which is counted. Threads: any.
 *
 * \pre `core` is NULL or a node; `name` is NULL or valid for a write.
 */
bool clustering_next_lookup(const clustering_core *core,
                            clustering_owned_text *name);

/**
 * Tells whether a name is still being looked up.
 *
 * * `core`: the node. NULL gives `false`.
 * * `name`: the name, as `retval` has it.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node; `name` is valid for the call.
 */
bool clustering_resolving(const clustering_core *core, clustering_borrowed_text name);

/**
 * Takes the outcome of a lookup.
 *
 * * `core`: the node. NULL is fine.
 * * `name`: the name. Of one that nobody waits for any more nothing is taken.
 * * `outcome`: a `clustering_lookup`; any other number is taken for a failure.
 * * `addresses`, `count`: the name's addresses as text, of both families. NULL for none, whatever `count` says.
 * * `now`: microseconds on the clock of `clustering_tick`.
 *
 * Threads: any.
 *
 * \pre `core` is NULL or a node; `name`, `addresses` and their texts are valid for the call.
 */
void clustering_resolved(const clustering_core *core,
                         clustering_borrowed_text name,
                         uint32_t outcome,
                         const clustering_borrowed_text *addresses,
                         size_t count,
                         uint64_t now);

/**
 * Gives the parameters of `status clustering`, as `name=value` with commas between.
 *
 * * `core`: the node. NULL gives an empty text.
 *
 * Returns a text that the host owns; an empty one where the core failed, which is counted. Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
clustering_owned_text clustering_status(const clustering_core *core);

/**
 * Gives the nodes in `status clustering`, as `NODE=column|column...` with commas between.
 *
 * * `core`: the node. NULL gives an empty text.
 *
 * Returns a text that the host owns; an empty one where the core failed, which is counted. Threads: any.
 *
 * \pre `core` is NULL or a node.
 */
clustering_owned_text clustering_status_nodes(const clustering_core *core);

/**
 * Names the columns of `clustering_status_nodes`: `format=Name|Name...`.
 *
 * Returns a text of the core's, valid for ever. Threads: any.
 */
clustering_borrowed_text clustering_status_format(void);

/**
 * Checks a file of settings without putting it in force.
 *
 * * `core`: the node. NULL gives an empty text.
 * * `file`, `text`, `settings`, `count`: as for `clustering_load`.
 *
 * Returns the mistakes in the file, or the way it would work: lines with line feeds at their ends, in a text
 * that the host owns; an empty one where the core failed, which is counted. Threads: any.
 *
 * \pre `core` is NULL or a node; `file`, `text`, the entries and their texts are valid for the call.
 */
clustering_owned_text clustering_check(const clustering_core *core,
                                       clustering_borrowed_text file,
                                       clustering_borrowed_text text,
                                       const clustering_setting *settings,
                                       size_t count);

/**
 * Gives the database query whose reply a command needs for its whole answer. The host may leave the query out.
 *
 * * `core`: the node.
 * * `command`: the command; its `reply` isn't looked at.
 * * `account`, `query`: get the account and the query, in texts that the host owns, also where they are empty. NULL
 *   where they are not wanted.
 * * `timeout`: gets the longest time that the query may take, in milliseconds; 0 where there is none. NULL where it is
 *   not wanted.
 *
 * Returns whether there is one; `false` for a `core` or a `command` of NULL, and where the core failed, which is
 * counted. Threads: any.
 *
 * \pre `core` is NULL or a node; `command` is NULL or valid for the call, with its texts; `account`, `query` and `timeout`
 * are NULL or valid for a write.
 */
bool clustering_command_query(const clustering_core *core,
                              const clustering_command_line *command,
                              clustering_owned_text *account,
                              clustering_owned_text *query,
                              uint32_t *timeout);

/**
 * Carries out a command of an operator. `clustering_next_task` is to be called afterwards.
 *
 * * `core`: the node.
 * * `command`: the command.
 * * `answer`: gets the answer, lines with line feeds at their ends, in a text that the host owns, also where
 *   it is empty. NULL where none is wanted.
 *
 * Returns whether there is such a command; `false` for a `core` or a `command` of NULL. Where the core fails the
 * answer says so. Threads: any.
 *
 * \pre `core` is NULL or a node; `command` is NULL or valid for the call, with its texts and its reply; `answer` is NULL or
 * valid for a write.
 */
bool clustering_command(const clustering_core *core,
                        const clustering_command_line *command,
                        clustering_owned_text *answer);

/**
 * Gives the words that may follow in a command, for completion.
 *
 * * `core`: the node. NULL gives an empty text.
 * * `line`: the whole words of the command so far, without the command's own word.
 *
 * Returns words with line feeds at their ends, in a text that the host owns; an empty one where the core
 * failed, which is counted. Threads: any.
 *
 * \pre `core` is NULL or a node; `line` is valid for the call.
 */
clustering_owned_text clustering_complete(const clustering_core *core,
                                          clustering_borrowed_text line);

/**
 * Gives the help for the command: a line for each use, with line feeds at their ends.
 *
 * Returns a text that the host owns; an empty one where the core failed. Threads: any.
 */
clustering_owned_text clustering_help(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CLUSTERING_H */
