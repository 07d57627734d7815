#include "web/html_tokenizer_int.h"

/*
 * Text of scripts: "<!--" begins an escape, "<script" inside of it a double one, and only outside
 * of that does "</script>" end the element.
 */

/* "<" inside a script: an end tag, or one of the escapes. */
static void script_lt(slv_html_tokenizer *t, html_state back, html_state here)
{
    t->lt = t->at;
    t->raw_back = back;
    t->st = here;
}

bool slv_html_step_script(slv_html_tokenizer *t)
{
    const char *lt = memchr(t->buf.ptr + t->at, '<', t->buf.len - t->at);

    if (!lt) {
        t->at = t->buf.len;
        return slv_html_emit_text(t, t->at, true);
    }
    t->at = (size_t)(lt - t->buf.ptr);
    script_lt(t, ST_SCRIPT, ST_SCRIPT_LT);
    t->at++;
    return slv_html_emit_text(t, t->lt, false);
}

/* Whether the name that began at t->mark is "script" and ended here. */
static bool named_script(const slv_html_tokenizer *t)
{
    return slv_str_eq_nocase(slv_str_make(t->buf.ptr + t->mark, t->at - t->mark),
                             SLV_STR("script"));
}

bool slv_html_step_script_escape(slv_html_tokenizer *t, char c)
{
    bool ends_name = slv_html_is_space(c) || c == '/' || c == '>';

    switch (t->st) {
    case ST_SCRIPT_LT:
        if (c == '/' || c == '!') {
            t->st = c == '/' ? ST_TEXT_END_OPEN : ST_SCRIPT_ESCAPE_START;
            break;
        }
        t->st = ST_SCRIPT;
        return slv_html_emit_text(t, t->at, true);
    case ST_SCRIPT_ESCAPE_START:
    case ST_SCRIPT_ESCAPE_START_DASH:
        if (c == '-') {
            t->st = t->st == ST_SCRIPT_ESCAPE_START ? ST_SCRIPT_ESCAPE_START_DASH
                                                    : ST_ESCAPED_DASH_DASH;
            break;
        }
        t->st = ST_SCRIPT;
        return false;
    case ST_ESCAPED:
    case ST_ESCAPED_DASH:
    case ST_ESCAPED_DASH_DASH:
        if (c == '<') {
            script_lt(t, ST_ESCAPED, ST_ESCAPED_LT);
            t->at++;
            return slv_html_emit_text(t, t->lt, false);
        }
        if (c == '-')
            t->st = t->st == ST_ESCAPED ? ST_ESCAPED_DASH : ST_ESCAPED_DASH_DASH;
        else
            t->st = c == '>' && t->st == ST_ESCAPED_DASH_DASH ? ST_SCRIPT : ST_ESCAPED;
        break;
    case ST_ESCAPED_LT:
        if (c == '/') {
            t->st = ST_TEXT_END_OPEN;
            break;
        }
        t->mark = t->at;
        t->st = slv_is_alpha(c) ? ST_DOUBLE_START : ST_ESCAPED;
        return false;
    case ST_DOUBLE_START:
    case ST_DOUBLE_END:
        if (ends_name) {
            bool starts = t->st == ST_DOUBLE_START;
            t->st = named_script(t) == starts ? ST_DOUBLE : ST_ESCAPED;
            break;
        }
        if (!slv_is_alpha(c)) {
            t->st = t->st == ST_DOUBLE_START ? ST_ESCAPED : ST_DOUBLE;
            return false;
        }
        break;
    case ST_DOUBLE:
    case ST_DOUBLE_DASH:
    case ST_DOUBLE_DASH_DASH:
        if (c == '<')
            t->st = ST_DOUBLE_LT;
        else if (c == '-')
            t->st = t->st == ST_DOUBLE ? ST_DOUBLE_DASH : ST_DOUBLE_DASH_DASH;
        else
            t->st = c == '>' && t->st == ST_DOUBLE_DASH_DASH ? ST_SCRIPT : ST_DOUBLE;
        break;
    default: /* ST_DOUBLE_LT */
        if (c == '/') {
            t->mark = t->at + 1;
            t->st = ST_DOUBLE_END;
            break;
        }
        t->st = ST_DOUBLE;
        return false;
    }
    t->at++;
    return false;
}

/* Inside a script the text so far may leave although its state is in the middle of an escape. */
bool slv_html_in_script_text(html_state st)
{
    return st == ST_ESCAPED || st == ST_ESCAPED_DASH || st == ST_ESCAPED_DASH_DASH ||
           st == ST_DOUBLE || st == ST_DOUBLE_DASH || st == ST_DOUBLE_DASH_DASH ||
           st == ST_DOUBLE_LT;
}
