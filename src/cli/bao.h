/*
 * bao.h - models from definitions, as the verbs and dev make them. Main thread; blocks on the disk.
 */
#ifndef SLV_CLI_BAO_H
#define SLV_CLI_BAO_H

#include "bao/codegen.h"

/* Options that borrow from place; paths in messages are relative to dir. */
void slv_bao_place_options(const slv_bao_place *place, const char *dir, slv_bao_options *ret);

typedef struct slv_bao_generated {
    size_t models, written;
} slv_bao_generated;

/* Warnings go to standard error; problems into err's message as far as they fit, all of them to
 * standard error before it. */
SLV_NODISCARD slv_code slv_bao_generate(const slv_bao_options *options, slv_bao_generated *ret,
                                        slv_err *err);

#endif
