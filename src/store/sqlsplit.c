#include "store/sqlsplit.h"

/* What the lexer is inside of. Between tokens it is OUTSIDE. */
enum {
    OUTSIDE,
    WORD,
    SINGLE,   /* '...' ; a doubled quote closes one and opens the next */
    DOUBLE,   /* "..." */
    BACKTICK, /* `...` */
    BRACKET,  /* [...] */
    DASH,     /* one '-' */
    LINE_COMMENT,
    SLASH, /* one '/' */
    BLOCK_COMMENT,
    BLOCK_STAR, /* a '*' in it */
};

/* How far the statement has come towards being a CREATE TRIGGER, whose body holds semicolons. */
enum {
    START,        /* nothing yet */
    PLAIN,        /* something that is no trigger */
    EXPLAIN,      /* EXPLAIN: CREATE may follow */
    CREATE,       /* CREATE, perhaps TEMP or TEMPORARY */
    TRIGGER,      /* in the trigger */
    TRIGGER_SEMI, /* in it, after a semicolon: END may follow */
    TRIGGER_END,  /* after that END: a semicolon ends the statement */
};

enum { T_OTHER, T_SEMI, T_EXPLAIN, T_CREATE, T_TEMP, T_TRIGGER, T_END };

static uint8_t after(uint8_t rule, int token)
{
    switch (rule) {
    case START:
        return token == T_SEMI      ? START
               : token == T_EXPLAIN ? EXPLAIN
               : token == T_CREATE  ? CREATE
                                    : PLAIN;
    case PLAIN:
        return token == T_SEMI ? START : PLAIN;
    case EXPLAIN: /* QUERY PLAN may stand between the two */
        return token == T_SEMI     ? START
               : token == T_CREATE ? CREATE
               : token == T_OTHER  ? EXPLAIN
                                   : PLAIN;
    case CREATE:
        return token == T_SEMI      ? START
               : token == T_TEMP    ? CREATE
               : token == T_TRIGGER ? TRIGGER
                                    : PLAIN;
    case TRIGGER:
        return token == T_SEMI ? TRIGGER_SEMI : TRIGGER;
    case TRIGGER_SEMI:
        return token == T_SEMI ? TRIGGER_SEMI : token == T_END ? TRIGGER_END : TRIGGER;
    default: /* TRIGGER_END */
        return token == T_SEMI ? START : TRIGGER;
    }
}

static bool token(slv_sqlsplit *s, int t)
{
    s->rule = after(s->rule, t);
    if (t != T_SEMI)
        s->content = true;
    return t == T_SEMI && s->rule == START;
}

static void word(slv_sqlsplit *s)
{
    static const struct {
        const char *text;
        int token;
    } words[] = {
        {"explain", T_EXPLAIN}, {"create", T_CREATE},   {"temp", T_TEMP},
        {"temporary", T_TEMP},  {"trigger", T_TRIGGER}, {"end", T_END},
    };
    int t = T_OTHER;

    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++)
        if (slv_str_is(slv_str_make(s->word, s->word_at), words[i].text))
            t = words[i].token;
    s->word_at = 0;
    s->lexer = OUTSIDE;
    (void)token(s, t);
}

static bool is_word(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '_' || c == '$' || (c & 0x80);
}

static void outside(slv_sqlsplit *s, char c)
{
    switch (c) {
    case '\'':
        s->lexer = SINGLE;
        break;
    case '"':
        s->lexer = DOUBLE;
        break;
    case '`':
        s->lexer = BACKTICK;
        break;
    case '[':
        s->lexer = BRACKET;
        break;
    case '-':
        s->lexer = DASH;
        return;
    case '/':
        s->lexer = SLASH;
        return;
    case ' ':
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r':
        return;
    default:
        if (is_word(c)) {
            s->lexer = WORD;
            s->word[s->word_at++] = slv_ascii_lower(c);
            return;
        }
    }
    (void)token(s, T_OTHER);
}

/* The end of something quoted or of a comment. */
static void inside(slv_sqlsplit *s, char c)
{
    static const char ends[] = {
        [SINGLE] = '\'', [DOUBLE] = '"', [BACKTICK] = '`', [BRACKET] = ']', [LINE_COMMENT] = '\n',
    };

    if (s->lexer == BLOCK_COMMENT || s->lexer == BLOCK_STAR)
        s->lexer = c == '*'                             ? BLOCK_STAR
                   : c == '/' && s->lexer == BLOCK_STAR ? OUTSIDE
                                                        : BLOCK_COMMENT;
    else if (c == ends[s->lexer])
        s->lexer = OUTSIDE;
}

/* One byte; true when it is the semicolon that ends a statement. */
static bool feed(slv_sqlsplit *s, char c)
{
    if (s->lexer == WORD) {
        if (is_word(c)) {
            if (s->word_at < sizeof s->word) /* one longer than any that matters says enough */
                s->word[s->word_at++] = slv_ascii_lower(c);
            return false;
        }
        word(s);
    } else if (s->lexer == DASH || s->lexer == SLASH) {
        if (c == (s->lexer == DASH ? '-' : '*')) {
            s->lexer = s->lexer == DASH ? LINE_COMMENT : BLOCK_COMMENT;
            return false;
        }
        s->lexer = OUTSIDE; /* it was an operator */
        (void)token(s, T_OTHER);
    }
    if (s->lexer != OUTSIDE) {
        inside(s, c);
        return false;
    }
    if (c == ';')
        return token(s, T_SEMI);
    outside(s, c);
    return false;
}

size_t slv_sqlsplit_feed(slv_sqlsplit *s, slv_str bytes, bool *ret_ended)
{
    *ret_ended = false;
    for (size_t i = 0; i < bytes.len; i++)
        if (feed(s, bytes.ptr[i])) {
            /* A semicolon alone is nothing to execute. */
            *ret_ended = s->content;
            s->content = false;
            if (*ret_ended)
                return i + 1;
        }
    return bytes.len;
}

bool slv_sqlsplit_pending(const slv_sqlsplit *s)
{
    return s->content || s->lexer == WORD || s->lexer == DASH || s->lexer == SLASH;
}

bool slv_sqlsplit_next(slv_str *rest, slv_str *ret_statement)
{
    slv_sqlsplit s = {0};
    slv_str text = *rest;
    size_t from = 0, at = 0;

    while (at < text.len) {
        bool began = slv_sqlsplit_pending(&s);
        bool ended = feed(&s, text.ptr[at]);

        /* What stands before the first token is no part of the statement. */
        if (!began && slv_sqlsplit_pending(&s))
            from = at;
        at++;
        if (ended && s.content) {
            *ret_statement = slv_str_sub(text, from, at);
            *rest = slv_str_skip(text, at);
            return true;
        }
    }
    *rest = slv_str_skip(text, text.len);
    if (!slv_sqlsplit_pending(&s))
        return false;
    *ret_statement = slv_str_sub(text, from, text.len);
    return true;
}
