/*
 * diag.h - build errors and warnings as text for the terminal and as a page for the browser. Any
 * thread.
 */
#ifndef SLV_CLI_DIAG_H
#define SLV_CLI_DIAG_H

#include <stdio.h>

#include "bundle/bundle.h"

/* Errors and warnings of a build, with the source lines, on stderr. */
void slv_diag_print(const slv_bundle *b);
/* A whole HTML document that names the first errors; it asks again every two seconds. */
SLV_NODISCARD slv_code slv_diag_page(const slv_bundle *b, slv_buf *out);
/* The same around one line of text. */
SLV_NODISCARD slv_code slv_diag_text_page(slv_str text, slv_buf *out);

#endif
