#include "fmt/json_write.h"

#include "fmt/json.h"

static void keep(slv_json_writer *w, slv_code code)
{
    if (w->code == SLV_OK)
        w->code = code;
}

static void put(slv_json_writer *w, slv_str text)
{
    keep(w, slv_buf_append(w->out, text));
}

static void begin_value(slv_json_writer *w)
{
    if (w->follows)
        put(w, SLV_STR(","));
    w->follows = true;
}

void slv_json_open(slv_json_writer *w, char bracket)
{
    begin_value(w);
    keep(w, slv_buf_append_byte(w->out, bracket));
    w->follows = false;
}

void slv_json_close(slv_json_writer *w, char bracket)
{
    keep(w, slv_buf_append_byte(w->out, bracket));
    w->follows = true;
}

void slv_json_key_str(slv_json_writer *w, slv_str key)
{
    begin_value(w);
    keep(w, slv_json_put_string(w->out, key));
    put(w, SLV_STR(":"));
    w->follows = false;
}

void slv_json_key(slv_json_writer *w, const char *key)
{
    slv_json_key_str(w, slv_str_from(key));
}

void slv_json_text(slv_json_writer *w, slv_str text)
{
    begin_value(w);
    keep(w, slv_json_put_string(w->out, text));
}

void slv_json_number(slv_json_writer *w, int64_t n)
{
    begin_value(w);
    keep(w, slv_buf_printf(w->out, "%lld", (long long)n));
}

void slv_json_bool(slv_json_writer *w, bool b)
{
    begin_value(w);
    put(w, slv_str_from(b ? "true" : "false"));
}

void slv_json_node(slv_json_writer *w, const slv_node *node)
{
    begin_value(w);
    if (node)
        keep(w, slv_json_put(w->out, node));
    else
        put(w, SLV_STR("null"));
}

void slv_json_raw(slv_json_writer *w, slv_str json)
{
    begin_value(w);
    put(w, json.len > 0 ? json : SLV_STR("null"));
}

void slv_json_put_text(slv_json_writer *w, const char *key, slv_str text)
{
    slv_json_key(w, key);
    slv_json_text(w, text);
}

void slv_json_put_some(slv_json_writer *w, const char *key, slv_str text)
{
    if (text.len > 0)
        slv_json_put_text(w, key, text);
}

void slv_json_put_number(slv_json_writer *w, const char *key, int64_t n)
{
    slv_json_key(w, key);
    slv_json_number(w, n);
}

void slv_json_put_bool(slv_json_writer *w, const char *key, bool b)
{
    slv_json_key(w, key);
    slv_json_bool(w, b);
}

void slv_json_put_node(slv_json_writer *w, const char *key, const slv_node *node)
{
    if (!node)
        return;
    slv_json_key(w, key);
    slv_json_node(w, node);
}

void slv_json_put_raw(slv_json_writer *w, const char *key, slv_str json)
{
    slv_json_key(w, key);
    slv_json_raw(w, json);
}
