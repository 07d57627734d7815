/*
 * form.h - a multipart/form-data body (RFC 7578) as uploads send it. One thread.
 */
#ifndef SLV_CLI_FORM_H
#define SLV_CLI_FORM_H

#include "base/buf.h"

typedef struct slv_form {
    slv_buf body;
    char boundary[64];
    slv_code code; /* of what was added so far: look once, at the end */
} slv_form;

void slv_form_init(slv_form *f, size_t limit);
void slv_form_done(slv_form *f);
SLV_DEFINE_CLEANUP_DONE(slv_form, slv_form_done);
/* A text field. */
void slv_form_text(slv_form *f, const char *name, slv_str value);
/* A file whose name is the field's; quotes and line breaks in it are escaped. */
void slv_form_file(slv_form *f, slv_str name, slv_str type, slv_str bytes);
/* After the last part; appends the "content-type:...\n" header to block. */
SLV_NODISCARD slv_code slv_form_end(slv_form *f, slv_buf *block, slv_err *err);

#endif
