/*
 * discovery: what tells clients about the server: versions, groups, resources, health, and as much
 * OpenAPI as kubectl needs to go on.
 */
#ifndef KUBESIM_DISCOVERY_H
#define KUBESIM_DISCOVERY_H

#include <stdbool.h>

#include "conn.h"

/* May an anonymous client see the path? */
bool discovery_is_public(const char *path);
/* false when the path is none of these. */
bool discovery_handle(
    const struct sim *sim, const struct http_request *req, const char *user, struct reply *reply);

#endif
