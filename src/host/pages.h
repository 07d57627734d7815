/*
 * pages.h - Pages projects as they run: production behind the project's host and domains, each
 * deployment behind a host of its own and (the newest) its branch's.
 *
 * A deployment runs as a version of a worker that is called "pages/<project>". Only production is
 * held in memory; the others are made when somebody asks for their host.
 *
 * Threading: everything on the control loop's thread; callbacks come there, never from inside.
 */
#ifndef SLV_HOST_PAGES_H
#define SLV_HOST_PAGES_H

#include "catalog/pages.h"
#include "host/host.h"

/* The project's rows have changed (deployed, rolled back, deleted, domains). done may be NULL: it
 * comes when what begins from now on sees the change; err: what kept it from running. */
void slv_host_pages_refresh(slv_host *host, slv_str account, slv_str project,
                            void (*done)(void *arg, const slv_err *err), void *arg);

/* "pages/<project>": what its worker is called in traces and figures. */
SLV_NODISCARD slv_code slv_host_pages_worker(slv_str project, slv_buf *out);

/* The host of a project, or of a deployment or branch when label is not empty:
 * "label.subdomain.domain"; nothing without a domain. */
SLV_NODISCARD slv_code slv_host_pages_name(const slv_host *host, slv_str subdomain, slv_str label,
                                           slv_buf *out);

/* The same as a URL, "https://label.subdomain.domain:port". */
SLV_NODISCARD slv_code slv_host_pages_url(const slv_host *host, slv_str subdomain, slv_str label,
                                          slv_buf *out);

/* The rows of a worker and version that stand for a deployment; strings are borrowed. */
void slv_host_pages_rows(const slv_pages_deployment *d, slv_str worker, slv_worker_row *ret_worker,
                         slv_version_row *ret_version);

#endif
