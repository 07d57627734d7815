/*
 * dotenv.h - .env files as the npm packages dotenv and dotenv-expand read them. Any thread.
 *
 * NAME=value, "export NAME=value", NAME: value; values bare (up to a #), or in single quotes,
 * double quotes (\n and \r are escapes) or backticks, which may hold line breaks; a quote that does
 * not close is an ordinary character. Lines that are no assignment are skipped. The result is an
 * OBJECT of STRINGs (doc.h); a name that is given twice has its last value.
 *
 * Limits: SLV_DOTENV_MAX bytes, SLV_DOTENV_NAMES_MAX names, SLV_DOTENV_VALUE_MAX bytes of an
 * expanded value: SLV_E_LIMIT.
 */
#ifndef SLV_FMT_DOTENV_H
#define SLV_FMT_DOTENV_H

#include "fmt/doc.h"

#define SLV_DOTENV_MAX ((size_t)1 << 20)
#define SLV_DOTENV_NAMES_MAX 4096
#define SLV_DOTENV_VALUE_MAX ((size_t)64 << 10)

/* Adds to object, an OBJECT node of the arena. */
SLV_NODISCARD slv_code slv_dotenv_parse(slv_str text, slv_arena *arena, slv_node *object,
                                        slv_err *err);

/* Value of a variable outside of the file; ptr NULL when it is not set. */
typedef slv_str (*slv_dotenv_outside)(slv_str name, void *arg);
/* Replaces $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:+other} by what stands before
   in the object or outside (which wins); \$ is a dollar sign. outside may be NULL. */
SLV_NODISCARD slv_code slv_dotenv_expand(slv_node *object, slv_arena *arena,
                                         slv_dotenv_outside outside, void *arg, slv_err *err);

#endif
