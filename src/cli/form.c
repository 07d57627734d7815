#include "cli/form.h"

#include <stdio.h>

#include "base/rand.h"

static void put(slv_form *f, slv_str s)
{
    if (f->code == SLV_OK)
        f->code = slv_buf_append(&f->body, s);
}

static void put_name(slv_form *f, slv_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        put(f, c == '"'    ? SLV_STR("%22")
               : c == '\r' ? SLV_STR("%0D")
               : c == '\n' ? SLV_STR("%0A")
                           : slv_str_make(&c, 1));
    }
}

void slv_form_init(slv_form *f, size_t limit)
{
    *f = (slv_form){.body = SLV_BUF(limit)};
    (void)snprintf(f->boundary, sizeof f->boundary, "----selvage-%016llx%016llx",
                   (unsigned long long)slv_rand_u64(), (unsigned long long)slv_rand_u64());
}

void slv_form_done(slv_form *f)
{
    slv_buf_done(&f->body);
}

static void begin(slv_form *f, slv_str name)
{
    put(f, SLV_STR("--"));
    put(f, slv_str_from(f->boundary));
    put(f, SLV_STR("\r\ncontent-disposition: form-data; name=\""));
    put_name(f, name);
    put(f, SLV_STR("\""));
}

void slv_form_text(slv_form *f, const char *name, slv_str value)
{
    begin(f, slv_str_from(name));
    put(f, SLV_STR("\r\n\r\n"));
    put(f, value);
    put(f, SLV_STR("\r\n"));
}

void slv_form_file(slv_form *f, slv_str name, slv_str type, slv_str bytes)
{
    begin(f, name);
    put(f, SLV_STR("; filename=\""));
    put_name(f, name);
    put(f, SLV_STR("\"\r\ncontent-type: "));
    put(f, type);
    put(f, SLV_STR("\r\n\r\n"));
    put(f, bytes);
    put(f, SLV_STR("\r\n"));
}

slv_code slv_form_end(slv_form *f, slv_buf *block, slv_err *err)
{
    put(f, SLV_STR("--"));
    put(f, slv_str_from(f->boundary));
    put(f, SLV_STR("--\r\n"));
    if (f->code != SLV_OK)
        return slv_fail(err, f->code, "what is to be sent is too large");
    return slv_buf_printf(block, "content-type:multipart/form-data; boundary=%s\n", f->boundary);
}
