/*
 * cmd.h - what a verb of the command line is, and how its arguments reach it.
 *
 * Each verb is a file cmd_NAME.c that exports const slv_cmds, listed in verbs.c. A name may have
 * several words ("kv key put"); the longest that fits is meant. Flags are given
 * as --name=value, --name value,
 * --name, --no-name or -x; names in camelCase are understood too. A flag that is not in the verb's
 * table is an error with a suggestion. Threads: the main one.
 */
#ifndef SLV_CLI_CMD_H
#define SLV_CLI_CMD_H

#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

typedef enum slv_flag_kind {
    SLV_FLAG_BOOL,    /* --x, --no-x, --x=false */
    SLV_FLAG_STRING,  /* --x v; the last one counts */
    SLV_FLAG_NUMBER,  /* a string of digits */
    SLV_FLAG_LIST,    /* --x a --x b, --x a b: the words up to the next flag */
    SLV_FLAG_REFUSED, /* known to wrangler, not to us: an error that gives `help` as the reason;
                         takes no value */
} slv_flag_kind;

typedef struct slv_flag {
    const char *name; /* without dashes, in kebab-case */
    slv_flag_kind kind;
    char letter;       /* 0: none */
    const char *value; /* what the help shows: "PORT" */
    const char *help;  /* NULL: accepted, without effect, not shown */
} slv_flag;

typedef struct slv_args slv_args;

typedef struct slv_cmd {
    const char *name;
    const char *args;  /* "[script]" */
    const char *usage; /* one line */
    const slv_flag *flags;
    size_t flag_count;
    size_t max_positional;
    int (*exec)(const slv_args *args); /* returns the exit code */
} slv_cmd;

#define SLV_VERB_WORDS_MAX 4

/* NULL-terminated. */
extern const slv_cmd *const slv_verbs[];
/* The verb that the first words name, and how many they are; NULL: none. */
const slv_cmd *slv_verb_match(int argc, char *const argv[], int *ret_words);
/* True when the first words begin the names of verbs ("kv", "kv key"); *ret_words: how many do. */
bool slv_verb_group(int argc, char *const argv[], int *ret_words);

/* Parsed arguments; strings are borrowed from argv and static memory. */
typedef struct slv_arg {
    const slv_flag *flag;
    const char *value; /* of a bool "true" or "false" */
} slv_arg;

struct slv_args {
    const slv_cmd *cmd;
    SLV_VEC(const char *) positional;
    SLV_VEC(slv_arg) flags;
};

/* argv without program and verb. SLV_E_INVAL with a one-line message. */
SLV_NODISCARD slv_code slv_args_parse(const slv_cmd *cmd, int argc, char *const argv[],
                                      slv_args *ret, slv_err *err);
void slv_args_done(slv_args *a);
SLV_DEFINE_CLEANUP_DONE(slv_args, slv_args_done);

/* Positional argument i. SLV_E_INVAL that names what is missing. */
SLV_NODISCARD slv_code slv_args_required(const slv_args *a, size_t i, const char *what,
                                         const char **ret, slv_err *err);
bool slv_args_has(const slv_args *a, const char *name);
/* The last value; NULL when the flag is absent. */
const char *slv_args_string(const slv_args *a, const char *name);
bool slv_args_bool(const slv_args *a, const char *name, bool otherwise);
/* Value number i of a list flag, NULL past the end. */
const char *slv_args_item(const slv_args *a, const char *name, size_t i);
/* A whole number from min to max. */
SLV_NODISCARD slv_code slv_args_number(const slv_args *a, const char *name, uint64_t min,
                                       uint64_t max, uint64_t otherwise, uint64_t *ret,
                                       slv_err *err);

/* "selvage dev: <message>" on stderr; returns the exit code for err->code. */
int slv_cmd_fail(const slv_cmd *cmd, const slv_err *err);
/* The help of one verb, of those that begin with some words, and of all. */
void slv_cmd_help(const slv_cmd *cmd, FILE *out);
void slv_cmd_help_group(int words, char *const argv[], FILE *out);
void slv_cmd_help_all(FILE *out);

#endif
