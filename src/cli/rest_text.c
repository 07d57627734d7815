/* Text that verbs send and print. */
#include "cli/rest.h"
#include "fmt/json.h"

slv_code slv_rest_put_escaped(slv_buf *out, slv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (slv_is_alpha(c) || slv_is_digit(c) || (c != 0 && strchr("-_.!~*'()", c)))
            SLV_TRY(slv_buf_append_byte(out, c));
        else
            SLV_TRY(slv_buf_printf(out, "%%%02X", (unsigned char)c));
    }
    return SLV_OK;
}

static void print_text(FILE *out, slv_str text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(text.len * 6 + 16);

    if (slv_json_put_string(&b, text) == SLV_OK)
        fwrite(b.ptr, 1, b.len, out);
}

static void print_node(FILE *out, const slv_node *node, int depth)
{
    bool object = node->type == SLV_NODE_OBJECT;

    if (!object && node->type != SLV_NODE_ARRAY) {
        SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(node->text.len * 6 + 64);

        if (slv_json_put(&b, node) == SLV_OK)
            fwrite(b.ptr, 1, b.len, out);
        return;
    }
    fputc(object ? '{' : '[', out);
    for (const slv_node *n = node->first; n; n = n->next) {
        fprintf(out, "\n%*s", depth * 2 + 2, "");
        if (object) {
            print_text(out, n->key);
            fputs(": ", out);
        }
        print_node(out, n, depth + 1);
        if (n->next)
            fputc(',', out);
    }
    if (node->first)
        fprintf(out, "\n%*s", depth * 2, "");
    fputc(object ? '}' : ']', out);
}

void slv_rest_print_json(FILE *out, const slv_node *node)
{
    if (node)
        print_node(out, node, 0);
    else
        fputs("null", out);
    fputc('\n', out);
}
