#include "cli/diag.h"

#include "cli/term.h"

#define PAGE_ERRORS_MAX 10

/* ---- terminal ---- */

/* The place, the line, and a mark under what is meant. Tabs become blanks so that the mark stands
 * right. */
static void print_place(const slv_note *n)
{
    char number[16];
    int width = snprintf(number, sizeof number, "%u", n->line);
    const char *dim = slv_term_color(stderr, SLV_COLOR_DIM),
               *reset = slv_term_color(stderr, SLV_COLOR_RESET);

    if (n->file.len == 0)
        return;
    fprintf(stderr, "\n    %s%.*s:%u:%u:%s\n", slv_term_color(stderr, SLV_COLOR_BOLD),
            SLV_STR_ARGS(n->file), n->line, n->col, reset);
    fprintf(stderr, "      %s%s │%s ", dim, number, reset);
    for (size_t i = 0; i < n->line_text.len; i++)
        fputc(n->line_text.ptr[i] == '\t' ? ' ' : n->line_text.ptr[i], stderr);
    fprintf(stderr, "\n      %s%*s ╵%s ", dim, width, "", reset);
    for (uint32_t i = 1; i < n->col && i <= n->line_text.len; i++)
        if (((unsigned char)n->line_text.ptr[i - 1] & 0xC0) != 0x80) /* columns are bytes */
            fputc(' ', stderr);
    fputs(slv_term_color(stderr, SLV_COLOR_GREEN), stderr);
    for (uint32_t i = 0; i < (n->length ? n->length : 1) && i < 200; i++)
        fputc(n->length > 1 ? '~' : '^', stderr);
    fprintf(stderr, "%s\n", reset);
}

static void print_diagnostic(const slv_diagnostic *d, bool error)
{
    if (error)
        slv_term_error("%.*s", SLV_STR_ARGS(d->main.text));
    else
        slv_term_warn("%.*s", SLV_STR_ARGS(d->main.text));
    if (!slv_term_shows(error ? SLV_TERM_ERROR : SLV_TERM_WARN))
        return;
    print_place(&d->main);
    for (size_t i = 0; i < d->note_count; i++) {
        fprintf(stderr, "\n  %.*s\n", SLV_STR_ARGS(d->notes[i].text));
        print_place(&d->notes[i]);
    }
    fputc('\n', stderr);
}

void slv_diag_print(const slv_bundle *b)
{
    for (size_t i = 0; i < b->warnings.len; i++)
        print_diagnostic(&b->warnings.items[i], false);
    for (size_t i = 0; i < b->errors.len; i++)
        print_diagnostic(&b->errors.items[i], true);
}

/* ---- page ---- */

static slv_code put_html(slv_buf *out, slv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '<')
            SLV_TRY(slv_buf_append(out, SLV_STR("&lt;")));
        else if (c == '&')
            SLV_TRY(slv_buf_append(out, SLV_STR("&amp;")));
        else if (c == '"')
            SLV_TRY(slv_buf_append(out, SLV_STR("&quot;")));
        else
            SLV_TRY(slv_buf_append_byte(out, c));
    }
    return SLV_OK;
}

static slv_code page_head(slv_buf *out)
{
    return slv_buf_append(
        out, SLV_STR("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
                     "http-equiv=\"refresh\" content=\"2\">"
                     "<meta name=\"viewport\" content=\"width=device-width\"><title>Build "
                     "failed</title><style>"
                     "body{font:15px/1.5 "
                     "system-ui,sans-serif;margin:0;padding:2rem;background:#16181d;color:#e6e6e6}"
                     "h1{font-size:1.2rem;color:#ff7b72}h2{font-size:1rem;font-weight:600;margin:"
                     "2rem 0 .3rem}"
                     "p{margin:.2rem 0;color:#9da5b4}pre{font:13px/1.5 "
                     "ui-monospace,monospace;background:#0d0f13;padding:1rem;"
                     "border-radius:6px;overflow:auto;white-space:pre-wrap}mark{background:#6b1f1f;"
                     "color:inherit;border-radius:3px}"
                     "</style></head><body><h1>The last change does not work</h1>"
                     "<p>The last version that worked keeps running. This page goes away "
                     "when the build works again.</p>"));
}

static slv_code put_source(const slv_note *n, slv_buf *out)
{
    size_t from = n->col ? n->col - 1 : 0;

    SLV_TRY(slv_buf_append(out, SLV_STR("<p>")));
    SLV_TRY(put_html(out, n->file));
    SLV_TRY(slv_buf_printf(out, ":%u:%u</p><pre>%u | ", n->line, n->col, n->line));
    SLV_TRY(put_html(out, slv_str_sub(n->line_text, 0, from)));
    SLV_TRY(slv_buf_append(out, SLV_STR("<mark>")));
    SLV_TRY(put_html(out, slv_str_sub(n->line_text, from, from + (n->length ? n->length : 1))));
    SLV_TRY(slv_buf_append(out, SLV_STR("</mark>")));
    SLV_TRY(put_html(out, slv_str_skip(n->line_text, from + (n->length ? n->length : 1))));
    return slv_buf_append(out, SLV_STR("</pre>"));
}

static slv_code put_note(const slv_note *n, const char *tag, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "<%s>", tag));
    SLV_TRY(put_html(out, n->text));
    SLV_TRY(slv_buf_printf(out, "</%s>", tag));
    return n->file.len > 0 ? put_source(n, out) : SLV_OK;
}

slv_code slv_diag_page(const slv_bundle *b, slv_buf *out)
{
    SLV_TRY(page_head(out));
    for (size_t i = 0; i < b->errors.len && i < PAGE_ERRORS_MAX; i++) {
        const slv_diagnostic *d = &b->errors.items[i];

        SLV_TRY(put_note(&d->main, "h2", out));
        for (size_t k = 0; k < d->note_count; k++)
            SLV_TRY(put_note(&d->notes[k], "p", out));
    }
    return slv_buf_append(out, SLV_STR("</body></html>\n"));
}

slv_code slv_diag_text_page(slv_str text, slv_buf *out)
{
    SLV_TRY(page_head(out));
    SLV_TRY(slv_buf_append(out, SLV_STR("<pre>")));
    SLV_TRY(put_html(out, text));
    return slv_buf_append(out, SLV_STR("</pre></body></html>\n"));
}
