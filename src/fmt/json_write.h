/*
 * json_write.h - JSON written in order, commas where they belong.
 *
 * Failures (the buffer's limit) are kept: look at `code` once, at the end. What is nested where is
 * the caller's care. One thread at a time.
 */
#ifndef SLV_FMT_JSON_WRITE_H
#define SLV_FMT_JSON_WRITE_H

#include "base/buf.h"
#include "fmt/doc.h"

typedef struct slv_json_writer {
    slv_buf *out;
    slv_code code;
    bool follows; /* a comma is due before the next value */
} slv_json_writer;

#define SLV_JSON_WRITER(buf) ((slv_json_writer){.out = (buf)})

void slv_json_open(slv_json_writer *w, char bracket);  /* '{' or '[' */
void slv_json_close(slv_json_writer *w, char bracket); /* '}' or ']' */
void slv_json_key(slv_json_writer *w, const char *key);
void slv_json_key_str(slv_json_writer *w, slv_str key);
void slv_json_text(slv_json_writer *w, slv_str text);
void slv_json_number(slv_json_writer *w, int64_t n);
void slv_json_bool(slv_json_writer *w, bool b);
void slv_json_node(slv_json_writer *w, const slv_node *node); /* NULL: null */
void slv_json_raw(slv_json_writer *w, slv_str json);          /* empty: null */

/* Members of an object. */
void slv_json_put_text(slv_json_writer *w, const char *key, slv_str text);
/* Nothing where the text is empty. */
void slv_json_put_some(slv_json_writer *w, const char *key, slv_str text);
void slv_json_put_number(slv_json_writer *w, const char *key, int64_t n);
void slv_json_put_bool(slv_json_writer *w, const char *key, bool b);
/* Nothing where there is no node. */
void slv_json_put_node(slv_json_writer *w, const char *key, const slv_node *node);
void slv_json_put_raw(slv_json_writer *w, const char *key, slv_str json);

#endif
