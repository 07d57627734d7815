/*
 * build.h - a project's build: its models, its own command ([build]), the bundler. Main thread
 * only.
 */
#ifndef SLV_CLI_BUILD_H
#define SLV_CLI_BUILD_H

#include "aio/proc.h"
#include "cli/project.h"

/* Starts the command, which finds the programs of the project's packages as npm's scripts do;
 * proc->ended is the caller's. */
SLV_NODISCARD slv_code slv_build_command_start(const slv_project *p, slv_loop *loop, slv_proc *proc,
                                               slv_err *err);
/* Whether it has done what was asked, by its wait status. */
SLV_NODISCARD slv_code slv_build_command_check(const slv_project *p, int status, slv_err *err);

/* Writes the classes of a project's models.yaml, where there is one. A failure: text says why. */
SLV_NODISCARD slv_code slv_build_models(const slv_project *p, slv_buf *text);

/* Models, the command and the bundler (bundle.h, portable), for verbs that send the result
 * elsewhere. Blocks. What is wrong with the sources has been printed when this fails. p->main is
 * not NULL. */
SLV_NODISCARD slv_code slv_build_project(slv_project *p, slv_bundle **ret, slv_err *err);

#endif
