/*
 * project_pages.h - a Pages project on disk: a directory of static files, and what answers beside
 * them: `_worker.js` in it, or the `functions` directory of the project. Private to cli.
 */
#ifndef SLV_CLI_PROJECT_PAGES_H
#define SLV_CLI_PROJECT_PAGES_H

#include "cli/project.h"

/* Of slv_project_load, in this order: the static files; the worker, its bindings, _routes.json. */
SLV_NODISCARD slv_code slv_pages_find_assets(slv_project *p, slv_err *err);
SLV_NODISCARD slv_code slv_pages_find_worker(slv_project *p, slv_err *err);
/* What the flags of the verb bind, and what Pages has by itself (ASSETS, CF_PAGES ...). */
SLV_NODISCARD slv_code slv_pages_bind(slv_project *p, slv_err *err);
/* The functions directory anew, before each build; nothing where it is not in use. */
SLV_NODISCARD slv_code slv_pages_refresh(slv_project *p, slv_err *err);
void slv_pages_done(slv_project *p);

/* The text of _routes.json for the deployment: the user's, or that of the functions; empty: none.
 */
slv_str slv_pages_routes(const slv_project *p);

/* The first line of what git says of the folder; empty when there is no git, or nothing to say. */
void slv_git_line(const char *dir, const char *command, char *out, size_t size);

#endif
