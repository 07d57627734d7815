/*
 * d1_int.h - what the files of the D1 routes share: d1.c (queries), d1_catalog.c (databases),
 * d1_transfer.c (import, export). Private to api. Loop thread only.
 */
#ifndef SLV_API_D1_INT_H
#define SLV_API_D1_INT_H

#include "api/api.h"
#include "d1/d1.h"
#include "state/d1_call.h"
#include "state/kinds.h"

#define SLV_API_D1_FAILED 7500 /* SQL that failed */
#define SLV_API_D1_EXISTS 7502 /* the name is taken */
#define SLV_API_D1_NOT_FOUND 7404

/* Where a route's database stands among its parameters: /accounts/:account/d1/database/:id */
#define SLV_API_D1_ID 1

/* Finds the store that the route's id names: by itself, or as the name that some database has.
 * found() comes later from the loop, with a reference, or the call was ended with 404. With
 * ?create=1 an id that is not there is a new database. */
typedef void (*slv_api_d1_found)(slv_api_call *call, slv_store *store_take, slv_str id);
void slv_api_d1_find(slv_api_call *call, slv_api_d1_found found);

/* Handlers. */
void slv_api_d1_list(slv_api_call *call);
void slv_api_d1_create(slv_api_call *call);
void slv_api_d1_get(slv_api_call *call);
void slv_api_d1_delete(slv_api_call *call);
void slv_api_d1_upload(slv_api_call *call);
void slv_api_d1_import(slv_api_call *call);
void slv_api_d1_export(slv_api_call *call);
void slv_api_d1_dump(slv_api_call *call);
void slv_api_d1_travel(slv_api_call *call);

/* Ends the call with what a store call or slv_d1_run failed with; message: for the user. */
void slv_api_d1_fail(slv_api_call *call, slv_code code, const slv_err *err, slv_str message);

#endif
