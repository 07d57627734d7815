#include "web/html_tokenizer.h"

#include "base/mem.h"
#include "web/html_tokenizer_int.h"

slv_html_tokenizer *slv_html_tokenizer_new(size_t limit)
{
    slv_html_tokenizer *t = slv_new0(slv_html_tokenizer);

    t->buf = SLV_BUF(UINT32_MAX); /* offsets are of 32 bits */
    t->last_start = SLV_BUF(UINT32_MAX);
    t->limit = limit;
    return t;
}

slv_html_tokenizer *slv_html_tokenizer_free(slv_html_tokenizer *t)
{
    if (t) {
        slv_buf_done(&t->buf);
        slv_buf_done(&t->last_start);
        free(t->attrs);
        free(t);
    }
    return NULL;
}

slv_code slv_html_tokenizer_feed(slv_html_tokenizer *t, slv_str bytes)
{
    size_t gone = t->start;

    if (gone) {
        slv_buf_consume(&t->buf, gone);
        t->start = 0;
        t->at -= gone;
        t->lt = t->lt >= gone ? t->lt - gone : 0;
        t->mark = t->mark >= gone ? t->mark - gone : 0;
    }
    return slv_buf_append(&t->buf, bytes);
}

void slv_html_tokenizer_end(slv_html_tokenizer *t)
{
    t->ended = true;
}

size_t slv_html_tokenizer_held(const slv_html_tokenizer *t)
{
    return t->buf.cap + t->last_start.cap + t->attr_cap * sizeof *t->attrs;
}

void slv_html_tokenizer_set_text(slv_html_tokenizer *t, slv_html_text text)
{
    t->text = text;
    t->st = text == SLV_HTML_SCRIPT ? ST_SCRIPT : ST_TEXT;
}

void slv_html_tokenizer_allow_cdata(slv_html_tokenizer *t, bool allow)
{
    t->allow_cdata = allow;
}

void slv_html_tokenizer_keep_utf8_whole(slv_html_tokenizer *t, bool keep)
{
    t->keep_utf8 = keep;
}

void slv_html_tokenizer_skip_comments(slv_html_tokenizer *t, bool skip)
{
    t->skip_comments = skip;
}

slv_code slv_html_tokenizer_set_last_start_tag(slv_html_tokenizer *t, slv_str name)
{
    SLV_TRY(slv_buf_set(&t->last_start, name));
    for (size_t i = 0; i < t->last_start.len; i++)
        t->last_start.ptr[i] = slv_ascii_lower(t->last_start.ptr[i]);
    return SLV_OK;
}

/* Offsets inside of the token, from positions in the buffer. */
static uint32_t rel(const slv_html_tokenizer *t, size_t at)
{
    return (uint32_t)(at - t->start);
}

static slv_html_token *begin_token(slv_html_tokenizer *t, slv_html_kind kind, size_t end)
{
    t->out = (slv_html_token){.kind = kind};
    t->out.raw = slv_str_make(t->buf.ptr + t->start, end - t->start);
    t->start = end;
    return &t->out;
}

/* How many bytes at the end of text begin a UTF-8 sequence that is not whole. */
static size_t utf8_tail(const char *ptr, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)ptr[len - back];

        if (c < 0x80)
            return 0;
        if (c >= 0xc0) {
            size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            return need > back ? back : 0;
        }
    }
    return 0;
}

/* Text up to `end`, if there is any. */
bool slv_html_emit_text(slv_html_tokenizer *t, size_t end, bool may_continue)
{
    if (may_continue && t->keep_utf8 && !t->ended)
        end -= utf8_tail(t->buf.ptr + t->start, end - t->start);
    if (end == t->start)
        return false;
    begin_token(t, SLV_HTML_TEXT, end)->text = t->text;
    return true;
}

/* Leaves a tag, comment or doctype: what follows is text of the kind in force. */
static void back_to_text(slv_html_tokenizer *t)
{
    t->st = t->text == SLV_HTML_SCRIPT ? ST_SCRIPT : ST_TEXT;
}

/* ---- text ---- */

static bool step_cdata(slv_html_tokenizer *t)
{
    size_t at = slv_str_find(slv_buf_view(&t->buf), SLV_STR("]]>"), t->at);

    if (at == SIZE_MAX) {
        /* The last two bytes may begin the end. */
        size_t keep = t->ended ? 0 : SLV_MIN(t->buf.len - t->start, (size_t)2);
        t->at = t->buf.len;
        if (t->buf.len - keep > t->start && slv_html_emit_text(t, t->buf.len - keep, true)) {
            t->at = t->start;
            return true;
        }
        if (!t->ended)
            t->at = t->start;
        return false;
    }
    if (at > t->start) {
        t->at = at;
        return slv_html_emit_text(t, at, false);
    }
    t->at = at + 3;
    t->text = SLV_HTML_DATA;
    begin_token(t, SLV_HTML_MARKUP, t->at);
    return true;
}

static bool step_text(slv_html_tokenizer *t)
{
    const char *lt =
        t->text == SLV_HTML_PLAINTEXT ? NULL : memchr(t->buf.ptr + t->at, '<', t->buf.len - t->at);

    if (!lt) {
        t->at = t->buf.len;
        return slv_html_emit_text(t, t->at, true);
    }
    t->lt = (size_t)(lt - t->buf.ptr);
    t->at = t->lt + 1;
    t->raw_back = ST_TEXT;
    t->st = t->text == SLV_HTML_DATA ? ST_TAG_OPEN : ST_TEXT_LT;
    /* In text that only its end tag ends, chunks begin anew at each "<", as people know it. */
    return t->text != SLV_HTML_DATA && slv_html_emit_text(t, t->lt, false);
}

/* The "<" at t->lt begins markup: the text before it is a token of its own. */
static bool text_before_markup(slv_html_tokenizer *t)
{
    return t->lt > t->start && slv_html_emit_text(t, t->lt, false);
}

static void begin_tag(slv_html_tokenizer *t, bool is_end)
{
    t->is_end_tag = is_end;
    t->self_closing = false;
    t->attr_count = 0;
    t->mark = t->at;
}

static bool step_tag_open(slv_html_tokenizer *t, char c)
{
    if (slv_is_alpha(c)) {
        t->st = ST_TAG_NAME;
        begin_tag(t, false);
        return text_before_markup(t);
    }
    switch (c) {
    case '!':
        t->at++;
        t->st = ST_MARKUP_DECL;
        return text_before_markup(t);
    case '/':
        t->at++;
        t->st = ST_END_TAG_OPEN;
        return false;
    case '?':
        t->mark = t->at;
        t->st = ST_BOGUS_COMMENT;
        return text_before_markup(t);
    default:
        back_to_text(t);
        return false;
    }
}

static bool step_end_tag_open(slv_html_tokenizer *t, char c)
{
    if (slv_is_alpha(c)) {
        t->st = ST_TAG_NAME;
        begin_tag(t, true);
        return text_before_markup(t);
    }
    if (c == '>') {
        if (text_before_markup(t)) /* comes here again: the byte is not consumed */
            return true;
        t->at++;
        back_to_text(t);
        begin_token(t, SLV_HTML_MARKUP, t->at);
        return true;
    }
    t->mark = t->at;
    t->st = ST_BOGUS_COMMENT;
    return text_before_markup(t);
}

/* In RCDATA, RAWTEXT and script: an end tag counts when it has the name of the start tag. */
static bool step_text_end(slv_html_tokenizer *t, char c)
{
    switch (t->st) {
    case ST_TEXT_LT:
        if (c != '/')
            break;
        t->at++;
        t->st = ST_TEXT_END_OPEN;
        return false;
    case ST_TEXT_END_OPEN:
        if (!slv_is_alpha(c))
            break;
        t->mark = t->at;
        t->st = ST_TEXT_END_NAME;
        return false;
    default: /* ST_TEXT_END_NAME */
        if (slv_is_alpha(c)) {
            t->at++;
            return false;
        }
        if ((slv_html_is_space(c) || c == '/' || c == '>') &&
            slv_str_eq_nocase(slv_str_make(t->buf.ptr + t->mark, t->at - t->mark),
                              slv_buf_view(&t->last_start))) {
            size_t name_at = t->mark, here = t->at;
            if (text_before_markup(t))
                return true; /* and comes back with the token at "<" */
            begin_tag(t, true);
            t->name = (slv_html_span){rel(t, name_at), rel(t, here)};
            t->st = ST_BEFORE_ATTR;
            return false;
        }
        break;
    }
    t->st = t->raw_back;
    return slv_html_emit_text(t, t->at, true);
}

/* ---- tags ---- */

static slv_code add_attr(slv_html_tokenizer *t)
{
    if (t->attr_count == SLV_HTML_ATTRS_MAX)
        return SLV_E_LIMIT;
    if (t->attr_count == t->attr_cap) {
        t->attr_cap = t->attr_cap ? t->attr_cap * 2 : 8;
        t->attrs = slv_realloc(t->attrs, t->attr_cap * sizeof *t->attrs);
    }
    uint32_t at = rel(t, t->at);
    t->attrs[t->attr_count++] = (slv_html_attr){{at, at}, {at, at}, {at, at}};
    return SLV_OK;
}

static slv_html_attr *last_attr(slv_html_tokenizer *t)
{
    return &t->attrs[t->attr_count - 1];
}

static slv_code finish_tag(slv_html_tokenizer *t)
{
    slv_str raw = slv_str_make(t->buf.ptr + t->start, t->at - t->start);
    slv_str name = slv_str_make(raw.ptr + t->name.from, t->name.to - t->name.from);
    slv_html_token *out;

    if (!t->is_end_tag)
        SLV_TRY(slv_html_tokenizer_set_last_start_tag(t, name));
    out = begin_token(t, t->is_end_tag ? SLV_HTML_END_TAG : SLV_HTML_START_TAG, t->at);
    out->name = name;
    out->self_closing = t->self_closing;
    out->attrs = t->attrs;
    out->attr_count = t->attr_count;
    t->text = SLV_HTML_DATA;
    t->st = ST_TEXT;
    return SLV_OK;
}

/* The value of an attribute, from behind its "=". */
static void step_value(slv_html_tokenizer *t, char c)
{
    switch (t->st) {
    case ST_BEFORE_VALUE:
        if (slv_html_is_space(c))
            break;
        if (c == '"' || c == '\'') {
            t->mark = t->at + 1;
            t->st = c == '"' ? ST_VALUE_DOUBLE : ST_VALUE_SINGLE;
            break;
        }
        t->mark = t->at;
        if (c == '>') {
            last_attr(t)->raw.to = rel(t, t->at);
            t->st = ST_AFTER_ATTR_NAME;
            return;
        }
        t->st = ST_VALUE_BARE;
        return;
    case ST_VALUE_DOUBLE:
    case ST_VALUE_SINGLE: {
        const char *quote =
            memchr(t->buf.ptr + t->at, t->st == ST_VALUE_DOUBLE ? '"' : '\'', t->buf.len - t->at);

        t->at = quote ? (size_t)(quote - t->buf.ptr) : t->buf.len - 1;
        if (!quote)
            break;
        last_attr(t)->value = (slv_html_span){rel(t, t->mark), rel(t, t->at)};
        last_attr(t)->raw.to = rel(t, t->at + 1);
        t->st = ST_AFTER_VALUE;
        break;
    }
    case ST_VALUE_BARE:
        if (!slv_html_is_space(c) && c != '>')
            break;
        last_attr(t)->value = (slv_html_span){rel(t, t->mark), rel(t, t->at)};
        last_attr(t)->raw.to = rel(t, t->at);
        t->st = ST_AFTER_VALUE;
        return;
    default: /* ST_AFTER_VALUE */
        if (c == '/') {
            t->st = ST_SELF_CLOSING;
            break;
        }
        t->st = ST_BEFORE_ATTR;
        return;
    }
    t->at++;
}

/* Names inside of a tag. *ret_done: the tag is whole and in t->out. */
static slv_code step_tag(slv_html_tokenizer *t, char c, bool *ret_done)
{
    bool space = slv_html_is_space(c);

    switch (t->st) {
    case ST_TAG_NAME:
        if (!space && c != '/' && c != '>')
            break;
        t->name = (slv_html_span){rel(t, t->mark), rel(t, t->at)};
        if (c == '>') {
            t->at++;
            *ret_done = true;
            return finish_tag(t);
        }
        t->st = c == '/' ? ST_SELF_CLOSING : ST_BEFORE_ATTR;
        break;
    case ST_BEFORE_ATTR:
        if (space)
            break;
        if (c == '/' || c == '>') {
            t->st = ST_AFTER_ATTR_NAME;
            return SLV_OK;
        }
        SLV_TRY(add_attr(t));
        t->st = ST_ATTR_NAME;
        break; /* a leading "=" belongs to the name */
    case ST_ATTR_NAME:
        if (!space && c != '/' && c != '>' && c != '=')
            break;
        last_attr(t)->name.to = last_attr(t)->raw.to = rel(t, t->at);
        last_attr(t)->value = (slv_html_span){rel(t, t->at), rel(t, t->at)};
        if (c == '=') {
            t->st = ST_BEFORE_VALUE;
            break;
        }
        t->st = ST_AFTER_ATTR_NAME;
        return SLV_OK;
    case ST_AFTER_ATTR_NAME:
        if (space)
            break;
        if (c == '/') {
            t->st = ST_SELF_CLOSING;
            break;
        }
        if (c == '=' && t->attr_count) {
            t->st = ST_BEFORE_VALUE;
            break;
        }
        if (c == '>') {
            t->at++;
            *ret_done = true;
            return finish_tag(t);
        }
        SLV_TRY(add_attr(t));
        t->st = ST_ATTR_NAME;
        break;
    default: /* ST_SELF_CLOSING */
        if (c == '>') {
            t->self_closing = true;
            t->at++;
            *ret_done = true;
            return finish_tag(t);
        }
        t->st = ST_BEFORE_ATTR;
        return SLV_OK;
    }
    t->at++;
    return SLV_OK;
}

/* ---- comments and declarations ---- */

static bool finish_comment(slv_html_tokenizer *t, size_t text_end)
{
    if (t->skip_comments) {
        begin_token(t, SLV_HTML_MARKUP, t->at);
        back_to_text(t);
        return true;
    }

    uint32_t from = rel(t, t->mark), to = rel(t, SLV_MAX(text_end, t->mark));
    slv_html_token *out = begin_token(t, SLV_HTML_COMMENT, t->at);

    out->data = slv_str_make(out->raw.ptr + from, to - from);
    back_to_text(t);
    return true;
}

static bool step_bogus_comment(slv_html_tokenizer *t)
{
    const char *gt = memchr(t->buf.ptr + t->at, '>', t->buf.len - t->at);

    if (!gt) {
        t->at = t->buf.len;
        return false;
    }
    t->at = (size_t)(gt - t->buf.ptr) + 1;
    return finish_comment(t, t->at - 1);
}

/* After "<!": what it is shows in at most seven bytes. */
static bool step_markup_decl(slv_html_tokenizer *t)
{
    slv_str rest = slv_str_make(t->buf.ptr + t->at, t->buf.len - t->at);

    if (slv_str_starts(rest, SLV_STR("--"))) {
        t->at += 2;
        t->mark = t->at;
        t->st = ST_COMMENT_START;
        return true;
    }
    if (rest.len >= 7 && slv_str_eq_nocase(slv_str_sub(rest, 0, 7), SLV_STR("doctype"))) {
        t->at += 7;
        t->mark = t->at;
        t->st = ST_DOCTYPE;
        return true;
    }
    if (rest.len >= 7 && slv_str_starts(rest, SLV_STR("[CDATA[")) && t->allow_cdata) {
        t->at += 7;
        t->text = SLV_HTML_CDATA;
        t->st = ST_TEXT;
        begin_token(t, SLV_HTML_MARKUP, t->at);
        return true;
    }
    bool maybe =
        rest.len < 7 &&
        (slv_str_eq_nocase(rest, slv_str_sub(SLV_STR("doctype"), 0, rest.len)) ||
         (t->allow_cdata && slv_str_eq(rest, slv_str_sub(SLV_STR("[CDATA["), 0, rest.len))) ||
         slv_str_is(rest, "-"));
    if (maybe && !t->ended)
        return false;
    t->mark = t->at;
    t->st = ST_BOGUS_COMMENT;
    return true;
}

static bool step_comment(slv_html_tokenizer *t, char c)
{
    switch (t->st) {
    case ST_COMMENT_START:
        if (c == '>') {
            t->at++;
            return finish_comment(t, t->mark);
        }
        t->st = c == '-' ? ST_COMMENT_START_DASH : ST_COMMENT;
        break;
    case ST_COMMENT_START_DASH:
        if (c == '>') {
            t->at++;
            return finish_comment(t, t->mark);
        }
        t->st = c == '-' ? ST_COMMENT_END : ST_COMMENT;
        break;
    case ST_COMMENT: {
        const char *dash = memchr(t->buf.ptr + t->at, '-', t->buf.len - t->at);

        if (!dash) {
            t->at = t->buf.len;
            return false;
        }
        t->at = (size_t)(dash - t->buf.ptr);
        t->st = ST_COMMENT_DASH;
        break;
    }
    case ST_COMMENT_DASH:
        t->st = c == '-' ? ST_COMMENT_END : ST_COMMENT;
        break;
    case ST_COMMENT_END:
        if (c == '>') {
            t->at++;
            return finish_comment(t, t->at - 3);
        }
        if (c == '!')
            t->st = ST_COMMENT_END_BANG;
        else if (c != '-')
            t->st = ST_COMMENT;
        break;
    default: /* ST_COMMENT_END_BANG */
        if (c == '>') {
            t->at++;
            return finish_comment(t, t->at - 4);
        }
        t->st = c == '-' ? ST_COMMENT_DASH : ST_COMMENT;
        break;
    }
    t->at++;
    return false;
}

/* ---- doctypes ---- */

static bool finish_doctype(slv_html_tokenizer *t, size_t text_end, bool ended)
{
    uint32_t from = rel(t, t->mark), to = rel(t, text_end);
    slv_html_token *out = begin_token(t, SLV_HTML_DOCTYPE, t->at);

    slv_html_read_doctype(slv_str_make(out->raw.ptr + from, to - from), ended, out);
    back_to_text(t);
    return true;
}

/* Quotes do not hide ">": it ends the doctype wherever it stands. */
static bool step_doctype(slv_html_tokenizer *t)
{
    const char *gt = memchr(t->buf.ptr + t->at, '>', t->buf.len - t->at);

    if (!gt) {
        t->at = t->buf.len;
        return false;
    }
    t->at = (size_t)(gt - t->buf.ptr) + 1;
    return finish_doctype(t, t->at - 1, false);
}

/* ---- the machine ---- */

static bool maybe_tag(html_state st)
{
    return st == ST_TAG_OPEN || st == ST_END_TAG_OPEN || st == ST_TEXT_LT ||
           st == ST_TEXT_END_OPEN || st == ST_TEXT_END_NAME || st == ST_SCRIPT_LT ||
           st == ST_ESCAPED_LT;
}

/* The bytes are used up in the middle of something: what need not wait goes out. */
static bool flush(slv_html_tokenizer *t)
{
    if (maybe_tag(t->st))
        return t->lt > t->start && slv_html_emit_text(t, t->lt, false);
    if (slv_html_in_script_text(t->st))
        return t->at > t->start && slv_html_emit_text(t, t->at, true);
    if (t->skip_comments && t->at > t->start &&
        (t->st == ST_BOGUS_COMMENT ||
         (t->st >= ST_COMMENT_START && t->st <= ST_COMMENT_END_BANG))) {
        begin_token(t, SLV_HTML_MARKUP, t->at);
        return true;
    }
    return false;
}

/* Nothing more comes of what is there. */
static slv_code wait_for_more(const slv_html_tokenizer *t)
{
    return t->buf.len - t->start > t->limit ? SLV_E_LIMIT : SLV_E_AGAIN;
}

/* The document ends in state t->st. True when that gives a token. */
static bool finish(slv_html_tokenizer *t)
{
    size_t end = t->buf.len;

    if (t->start == end)
        return false;
    if (t->st >= ST_COMMENT_START && t->st <= ST_COMMENT_END_BANG) {
        size_t cut = t->st == ST_COMMENT_END_BANG                                 ? 3
                     : t->st == ST_COMMENT_END                                    ? 2
                     : t->st == ST_COMMENT_DASH || t->st == ST_COMMENT_START_DASH ? 1
                                                                                  : 0;
        t->at = end;
        return finish_comment(t, end - cut);
    }
    if (t->st == ST_BOGUS_COMMENT) {
        t->at = end;
        return finish_comment(t, end);
    }
    if (t->st == ST_DOCTYPE) {
        t->at = end;
        return finish_doctype(t, end, true);
    }
    if (t->st >= ST_TAG_NAME && t->st <= ST_SELF_CLOSING) {
        begin_token(t, SLV_HTML_MARKUP, end);
        return true;
    }
    return slv_html_emit_text(t, end, false);
}

static slv_code step(slv_html_tokenizer *t, bool *ret_token)
{
    char c = t->buf.ptr[t->at];

    switch (t->st) {
    case ST_TEXT:
        *ret_token = step_text(t);
        return SLV_OK;
    case ST_SCRIPT:
        *ret_token = slv_html_step_script(t);
        return SLV_OK;
    case ST_TEXT_LT:
    case ST_TEXT_END_OPEN:
    case ST_TEXT_END_NAME:
        *ret_token = step_text_end(t, c);
        return SLV_OK;
    case ST_TAG_OPEN:
        *ret_token = step_tag_open(t, c);
        return SLV_OK;
    case ST_END_TAG_OPEN:
        *ret_token = step_end_tag_open(t, c);
        return SLV_OK;
    case ST_TAG_NAME:
    case ST_BEFORE_ATTR:
    case ST_ATTR_NAME:
    case ST_AFTER_ATTR_NAME:
    case ST_SELF_CLOSING:
        return step_tag(t, c, ret_token);
    case ST_BEFORE_VALUE:
    case ST_VALUE_DOUBLE:
    case ST_VALUE_SINGLE:
    case ST_VALUE_BARE:
    case ST_AFTER_VALUE:
        step_value(t, c);
        return SLV_OK;
    case ST_BOGUS_COMMENT:
        *ret_token = step_bogus_comment(t);
        return SLV_OK;
    case ST_COMMENT_START:
    case ST_COMMENT_START_DASH:
    case ST_COMMENT:
    case ST_COMMENT_DASH:
    case ST_COMMENT_END:
    case ST_COMMENT_END_BANG:
        *ret_token = step_comment(t, c);
        return SLV_OK;
    case ST_DOCTYPE:
        *ret_token = step_doctype(t);
        return SLV_OK;
    case ST_MARKUP_DECL: /* looks further than one byte: handled by the caller */
    case ST_SCRIPT_LT:
    case ST_SCRIPT_ESCAPE_START:
    case ST_SCRIPT_ESCAPE_START_DASH:
    case ST_ESCAPED:
    case ST_ESCAPED_DASH:
    case ST_ESCAPED_DASH_DASH:
    case ST_ESCAPED_LT:
    case ST_DOUBLE_START:
    case ST_DOUBLE:
    case ST_DOUBLE_DASH:
    case ST_DOUBLE_DASH_DASH:
    case ST_DOUBLE_LT:
    case ST_DOUBLE_END:
        break;
    }
    *ret_token = slv_html_step_script_escape(t, c);
    return SLV_OK;
}

slv_code slv_html_tokenizer_next(slv_html_tokenizer *t, slv_html_token *ret)
{
    bool token = false;

    while (!token) {
        if (t->st == ST_MARKUP_DECL) {
            size_t start = t->start;

            if (!step_markup_decl(t)) {
                if (t->ended)
                    break;
                return wait_for_more(t);
            }
            token = t->start != start; /* "<![CDATA[" is a token by itself */
            continue;
        }
        if (t->st == ST_TEXT && t->text == SLV_HTML_CDATA) { /* likewise */
            token = step_cdata(t);
            if (!token && !t->ended)
                return wait_for_more(t);
            if (!token)
                break;
            continue;
        }
        if (t->at >= t->buf.len) {
            if (!t->ended) {
                if (!flush(t))
                    return wait_for_more(t);
                token = true;
            }
            break;
        }
        SLV_TRY(step(t, &token));
    }
    if (!token && t->at >= t->buf.len && t->ended && !finish(t)) {
        *ret = (slv_html_token){.kind = SLV_HTML_END};
        return SLV_OK;
    }
    *ret = t->out;
    return SLV_OK;
}
