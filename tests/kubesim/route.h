/*
 * route: paths of the API.
 */
#ifndef KUBESIM_ROUTE_H
#define KUBESIM_ROUTE_H

#include <stdbool.h>

#include "http.h"
#include "resource.h"

enum route_status {
	ROUTE_RESOURCE,  /* the rest of struct route is set */
	ROUTE_UNKNOWN,   /* below /api or /apis, but no resource that is served */
	ROUTE_ELSEWHERE, /* not of the form of a resource */
};

struct route {
	enum resource_id resource;
	char ns[256], name[256], subresource[32]; /* "" for none */
	const char *verb; /* static: create, get, list, watch, update, patch, delete,
			     deletecollection; "" for none */
};

enum route_status
route_parse(const struct cluster *cluster, const struct http_request *req, struct route *ret_route);

#endif
