/*
 * routes.h - the tables of the areas, one for each file. Read only.
 */
#ifndef SLV_API_ROUTES_H
#define SLV_API_ROUTES_H

#include "api/api.h"

#endif
