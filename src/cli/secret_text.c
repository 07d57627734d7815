/* Values of secrets as they are typed, or come by standard input or in a file. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/secret_int.h"
#include "fmt/dotenv.h"
#include "fmt/json.h"

static slv_code read_stream(FILE *f, slv_buf *out, slv_err *err)
{
    char piece[8192];
    size_t n;

    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        if (slv_buf_append(out, slv_str_make(piece, n)) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "more than %zu bytes were given", out->limit);
    return SLV_OK;
}

static void trim(slv_buf *b)
{
    slv_str s = slv_str_trim(slv_buf_view(b));
    size_t front = s.len > 0 ? (size_t)(s.ptr - b->ptr) : b->len;

    slv_buf_consume(b, front);
    b->len = s.len;
}

/* Typed without being seen, or all of standard input. */
slv_code slv_secret_read_value(const char *name, slv_buf *out, slv_err *err)
{
    struct termios before, quiet;
    char line[4096];

    if (!isatty(STDIN_FILENO)) {
        SLV_TRY(read_stream(stdin, out, err));
        trim(out);
        return SLV_OK;
    }
    fprintf(stderr, "Enter a secret value for %s: ", name);
    tcgetattr(STDIN_FILENO, &before);
    quiet = before;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool ok = fgets(line, sizeof line, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    if (!ok)
        return slv_fail(err, SLV_E_CANCELED, "no value was given");
    return slv_buf_set(out, slv_str_trim(slv_str_from(line)));
}

slv_code slv_secret_read_bulk(const slv_args *args, slv_arena *arena, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_SECRET_BULK_MAX);
    slv_str copy;

    if (args->positional.len > 0)
        SLV_TRY(slv_file_read(args->positional.items[0], &text, err));
    else
        SLV_TRY(read_stream(stdin, &text, err));
    SLV_TRY(slv_arena_dup(arena, slv_buf_view(&text), &copy));
    if (slv_str_starts(slv_str_trim(copy), SLV_STR("{")))
        return slv_json_parse(copy, SLV_JSON_STRICT, arena, ret, err);
    *ret = slv_node_new(arena, SLV_NODE_OBJECT, 0, 0);
    return *ret ? slv_dotenv_parse(copy, arena, *ret, err) : SLV_E_LIMIT;
}
