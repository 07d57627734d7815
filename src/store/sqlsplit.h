/*
 * sqlsplit.h - where one SQL statement ends and the next begins, for texts of any size.
 *
 * The rule is SQLite's own (its shell's, and sqlite3_complete's): a statement ends at a semicolon
 * that stands in no string, quoted name or comment; the body of a CREATE TRIGGER ends at its END.
 * The text is fed in pieces as they come from a file or a socket.
 *
 *     slv_sqlsplit s = {0};
 *     while ((n = slv_sqlsplit_feed(&s, rest, &ended)) ...)
 *
 * Pure; any thread.
 */
#ifndef SLV_STORE_SQLSPLIT_H
#define SLV_STORE_SQLSPLIT_H

#include "base/str.h"

/* All zero is the start of a text. */
typedef struct slv_sqlsplit {
    uint8_t lexer;   /* inside what */
    uint8_t rule;    /* how far a CREATE TRIGGER has come */
    uint8_t word_at; /* bytes of the word under way */
    char word[16];   /* the word under way, in lower case, cut */
    bool content;    /* the statement under way has more than blanks and comments */
} slv_sqlsplit;

/* Takes bytes up to and including the semicolon that ends a statement (*ret_ended), else all of
 * them. Returns how many were taken. */
size_t slv_sqlsplit_feed(slv_sqlsplit *s, slv_str bytes, bool *ret_ended);
/* True when what was taken since the last end holds something to execute: at the end of a text, a
 * statement without a semicolon. */
bool slv_sqlsplit_pending(const slv_sqlsplit *s);

/* For texts in memory: the next statement of *rest with its semicolon, without leading blanks and
 * comments ... none: false. What has nothing to execute is skipped. */
bool slv_sqlsplit_next(slv_str *rest, slv_str *ret_statement);

#endif
