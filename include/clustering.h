/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The C ABI of the clustering core. Made from src/ffi.rs: don't edit.
 *
 * Conventions:
 *  - Texts are bytes with a length, not NUL-terminated and not necessarily UTF-8. (NULL, 0) is empty.
 *  - What an entry takes it only borrows, for the call or for as long as its verdict lives. What it
 *    hands out says who frees it, and with which entry.
 *  - Entries may be called from any thread at any time, also several on one core, but for
 *    clustering_free, which must be the last one. None blocks, and none calls back.
 *  - No entry throws or lets a panic out.
 */

#ifndef CLUSTERING_H
#define CLUSTERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How many kinds there are.
 */
#define CLUSTERING_KINDS 10

/**
 * How many parameter names have a number; see `clustering_name`.
 */
#define CLUSTERING_NAMES 40

/**
 * How long these names are at most.
 */
#define CLUSTERING_NAME_LENGTH 16

/**
 * The words that a `clustering_verdict` keeps for the core.
 */
#define CLUSTERING_VERDICT_WORDS 208

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
   * The settings are wrong; those in force stay.
   */
  CLUSTERING_BAD_SETTINGS = 3,
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
   * Ask a database by a message that is named as `retval` and has the edits as its parameters, for no
   * longer than `timeout`, then call `clustering_located`.
   */
  CLUSTERING_ASK = 6,
  /**
   * Dispatch a copy of the message with the edits written into it; the message gets the return value
   * and the parameters `code`, `error` and `reason` that the copy then has, and is handled if the copy is.
   */
  CLUSTERING_SEND = 5,
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
 * A text: not NUL-terminated, `len` bytes. `ptr` may be NULL only where `len` is 0.
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
   * The host's time in microseconds.
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
 * The answer to a message, in memory of the caller's; it must not be moved.
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
 * The number of this ABI. It grows with every change that a host must know of.
 */
uint32_t clustering_abi_version(void);

/**
 * Makes a node that does nothing until `clustering_load`; the caller owns it.
 *
 * `node` is the node's name; with an empty one the node stays disabled. `process` is a random number,
 * which no other process of the cluster may have. NULL is returned where the core failed.
 *
 * # Safety
 *
 * `node` is valid for the call.
 */
clustering_core *clustering_new(clustering_bytes node,
                                uint64_t process);

/**
 * Frees a node. Nobody may be inside another entry with it. NULL is fine.
 *
 * # Safety
 *
 * `core` came from `clustering_new` and is used no more.
 */
void clustering_free(clustering_core *core);

/**
 * Puts a file of settings in force.
 *
 * `file` is its path, for errors; `settings` its `count` entries in order, NULL for none. Where
 * it's refused `errors`, unless NULL, gets a line for each thing that is wrong, and the settings in
 * force stay; else an empty text. Free it in both cases.
 *
 * # Safety
 *
 * `core` is NULL or a node; `file`, the entries and their texts are valid for the call; `errors` is
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
 * # Safety
 *
 * `core` is NULL or a node.
 */
bool clustering_enabled(const clustering_core *core);

/**
 * The priority at which messages of a kind are to be handled; 0 where they are not, where `kind` is
 * no `clustering_kind`, or for NULL.
 *
 * # Safety
 *
 * `core` is NULL or a node.
 */
uint32_t clustering_priority(const clustering_core *core, uint32_t kind);

/**
 * Whether a message is any business of the cluster's: if not, it passes, and nothing else need be
 * asked. `false` for NULL, and where `kind` is no `clustering_kind`.
 *
 * The message need not be complete.
 *
 * # Safety
 *
 * `core` is NULL or a node; `message` is NULL or valid for the call, with all that it points to.
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
 * # Safety
 *
 * `core` is NULL or a node, which outlives the verdict; `message` is NULL or valid for the call, the
 * texts of its parameters until the edits are written, after which the verdict may only be released
 * or, if it began a locate, handed to `clustering_located`; `verdict` is NULL or memory for a verdict that holds none, as for
 * every entry that makes one.
 */
clustering_result clustering_decide(const clustering_core *core,
                                    uint32_t kind,
                                    const clustering_message *message,
                                    clustering_verdict *verdict);

/**
 * Goes on with a call for which a node was located.
 *
 * `begun` is the verdict that asked for it, not yet released; `message` is again the whole call.
 * `answer` is what the locate message came back with. The rest is as for `clustering_decide`.
 *
 * # Safety
 *
 * As for `clustering_decide`; `begun` is NULL or a verdict, `answer` is NULL or valid for the call,
 * its texts until `verdict` is released.
 */
clustering_result clustering_located(const clustering_core *core,
                                     const clustering_verdict *begun,
                                     const clustering_message *message,
                                     const clustering_answer *answer,
                                     clustering_verdict *verdict);

/**
 * The line that a verdict has for the log; free it. To be asked before the edits are written.
 *
 * NULL gives no text.
 *
 * # Safety
 *
 * `verdict` is NULL or a verdict whose borrowed texts are as they were.
 */
clustering_text clustering_verdict_line(const clustering_verdict *verdict);

/**
 * Releases a verdict, after which its memory may be used for another. NULL is fine.
 *
 * # Safety
 *
 * `verdict` is NULL or a verdict, which is used no more.
 */
void clustering_verdict_release(clustering_verdict *verdict);

/**
 * Frees a text that the core has allocated.
 *
 * # Safety
 *
 * `text` came from the core and was not freed.
 */
void clustering_text_free(clustering_text text);

/**
 * The parameter name of a number below `CLUSTERING_NAMES`, for ever valid; empty for other numbers.
 *
 * A `*` at its end stands for whatever else a name has there: of such parameters, too, the first
 * one is the known one, and all are removed together.
 */
clustering_bytes clustering_name(uint32_t number);

/**
 * The name of the messages of a kind, for ever valid; empty where there is no such kind.
 */
clustering_bytes clustering_kind_name(uint32_t kind);

/**
 * A bit for each parameter name that matters in messages of a kind: bit 0 for number 0, and so on.
 *
 * Neither is any other asked for, so a host need not look for it, nor is it written. None where there
 * is no such kind. A message of the core's own has any.
 */
uint64_t clustering_kind_names(uint32_t kind);

/**
 * Whether some messages of a kind may be no business of the cluster's, so that `clustering_concerns` is
 * worth asking; `false` where there is no such kind.
 */
bool clustering_kind_filtered(uint32_t kind);

/**
 * Looks after the nodes: to be called every second, then `clustering_chore_next`. `now` is in
 * microseconds, on a clock of the host's that never steps back. NULL is fine.
 *
 * # Safety
 *
 * `core` is NULL or a node.
 */
void clustering_tick(const clustering_core *core, uint64_t now);

/**
 * Takes the next thing that is to be done; `false` where there is none, or for NULL. To be called until
 * then after `clustering_tick`, `clustering_probed`, `clustering_load` and `clustering_command`.
 *
 * # Safety
 *
 * `core` is NULL or a node; `next` is NULL or valid for a write.
 */
bool clustering_chore_next(const clustering_core *core,
                           clustering_chore *next);

/**
 * Takes how a probe of `node` ended: `outcome` is a `clustering_outcome`, `answer` its code, `now`
 * on the clock of `clustering_tick`. NULL is fine, and so is an answer to a probe that is forgotten.
 *
 * # Safety
 *
 * `core` is NULL or a node; `node` is valid for the call.
 */
void clustering_probed(const clustering_core *core,
                       clustering_bytes node,
                       uint64_t number,
                       uint32_t outcome,
                       uint32_t answer,
                       uint64_t now);

/**
 * What is to be kept until the next start of the host; free it. NULL gives no text.
 *
 * # Safety
 *
 * `core` is NULL or a node.
 */
clustering_text clustering_state(const clustering_core *core);

/**
 * Goes on with what `clustering_state` said. Where that is damaged nothing of it is taken, and `error`, unless
 * NULL, gets the reason; else an empty text. Free it in both cases.
 *
 * # Safety
 *
 * `core` is NULL or a node; `state` is valid for the call; `error` is NULL or valid for a write.
 */
clustering_result clustering_restore(const clustering_core *core,
                                     clustering_bytes state,
                                     clustering_text *error);

/**
 * The parameters of `status clustering`, as `name=value` with commas between; free it. NULL gives
 * no text.
 *
 * # Safety
 *
 * `core` is NULL or a node.
 */
clustering_text clustering_status(const clustering_core *core);

/**
 * The nodes in `status clustering`, as `NODE=column|column...` with commas between; free it. NULL gives no
 * text.
 *
 * # Safety
 *
 * `core` is NULL or a node.
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
 * # Safety
 *
 * `core` is NULL or a node; `file`, the entries and their texts are valid for the call.
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
 * # Safety
 *
 * `core` is NULL or a node; `line` is valid for the call; `answer` is NULL or valid for a write.
 */
bool clustering_command(const clustering_core *core,
                        clustering_bytes line,
                        clustering_text *answer);

/**
 * The words that may follow `line`, which stands behind the command's own word, with line feeds at their
 * ends; free it. NULL gives no text.
 *
 * # Safety
 *
 * `core` is NULL or a node; `line` is valid for the call.
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
