#include "route.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

enum {
	ROUTE_PARTS_MAX = 9
};

static size_t
split(char *path, char *parts[ROUTE_PARTS_MAX])
{
	char *save = NULL;
	size_t n = 0;

	for (char *p = strtok_r(path, "/", &save); p != NULL; p = strtok_r(NULL, "/", &save)) {
		if (n == ROUTE_PARTS_MAX)
			return n + 1;
		parts[n++] = p;
	}
	return n;
}

static bool
copy(char *to, size_t size, const char *from)
{
	if (strlen(from) >= size)
		return false;
	strcpy(to, from);
	return true;
}

static const char *
verb(const struct http_request *req, const struct route *route, bool watch)
{
	bool named = route->name[0] != '\0';
	const char *m = req->method;

	if (strcmp(m, "GET") == 0)
		return watch ? "watch" : named ? "get" : "list";
	if (strcmp(m, "POST") == 0)
		return named ? "" : "create";
	if (strcmp(m, "PUT") == 0)
		return named ? "update" : "";
	if (strcmp(m, "PATCH") == 0)
		return named ? "patch" : "";
	if (strcmp(m, "DELETE") == 0)
		return named ? "delete" : "deletecollection";
	return "";
}

static bool
wants_watch(const struct http_request *req, const struct route *route)
{
	char *value = http_query(req, "watch");
	bool watch = value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);

	free(value);
	/* with a name in the path it is ignored, as the real server does */
	return watch && route->name[0] == '\0';
}

/* [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]] */
static enum route_status
resource_parts(const struct cluster *cluster, const char *group, const char *version, char **p,
    size_t n, struct route *route)
{
	const struct resource *r;

	if (n == 0)
		return ROUTE_ELSEWHERE;
	/* namespaces/NAME and namespaces/NAME/status are the resource namespaces itself */
	if (n >= 3 && strcmp(p[0], "namespaces") == 0 && strcmp(p[2], "status") != 0 &&
	    strcmp(p[2], "finalize") != 0) {
		if (!copy(route->ns, sizeof(route->ns), p[1]))
			return ROUTE_UNKNOWN;
		p += 2;
		n -= 2;
	}
	route->resource = resource_find(cluster, group, version, p[0]);
	if (route->resource == RESOURCE_COUNT || n > 3)
		return ROUTE_UNKNOWN;
	r = resource_get(route->resource);
	if ((r->flags & RESOURCE_NAMESPACED) == 0 && route->ns[0] != '\0')
		return ROUTE_UNKNOWN;
	if (n >= 2 && ((r->flags & RESOURCE_NAMESPACED) != 0) != (route->ns[0] != '\0'))
		return ROUTE_UNKNOWN;
	if (n >= 2 && !copy(route->name, sizeof(route->name), p[1]))
		return ROUTE_UNKNOWN;
	if (n == 3 &&
	    ((r->flags & RESOURCE_HAS_STATUS) == 0 || strcmp(p[2], "status") != 0 ||
		!copy(route->subresource, sizeof(route->subresource), p[2])))
		return ROUTE_UNKNOWN;
	return ROUTE_RESOURCE;
}

enum route_status
route_parse(const struct cluster *cluster, const struct http_request *req, struct route *ret_route)
{
	char *path = sim_strdup(req->path), *parts[ROUTE_PARTS_MAX], **p = parts;
	struct route route = {.resource = RESOURCE_COUNT, .verb = ""};
	enum route_status status = ROUTE_ELSEWHERE;
	const char *group = "", *version = NULL;
	size_t n = split(path, parts);
	bool watch = false;

	if (n > ROUTE_PARTS_MAX) {
		status = ROUTE_UNKNOWN;
	} else if (n >= 2 && strcmp(p[0], "api") == 0) {
		version = p[1];
		p += 2;
		n -= 2;
	} else if (n >= 3 && strcmp(p[0], "apis") == 0) {
		group = p[1];
		version = p[2];
		p += 3;
		n -= 3;
	}
	if (version != NULL) {
		/* the old form of a watch: /api/v1/watch/... */
		if (n > 0 && strcmp(p[0], "watch") == 0) {
			watch = true;
			p++;
			n--;
		}
		status = resource_parts(cluster, group, version, p, n, &route);
	}
	free(path);
	if (status != ROUTE_RESOURCE)
		return status;
	watch = watch || wants_watch(req, &route);
	route.verb = verb(req, &route, watch);
	*ret_route = route;
	return status;
}
