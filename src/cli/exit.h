/*
 * exit.h - exit codes of the program, by error code: one table. Any thread.
 *
 * 0 success; 1 the work failed; 2 wrong use: arguments, configuration or files that must be
 * corrected first.
 */
#ifndef SLV_CLI_EXIT_H
#define SLV_CLI_EXIT_H

#include "base/err.h"

int slv_exit_code(slv_code code);

#endif
