#include "kube/path.h"

#include <string.h>

#include "util/str.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/"
#define NAMESPACES "/api/v1/namespaces/"
#define NODES "/api/v1/nodes/"

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '.' || c == '_' || c == '~';
}

void
kube_path_encode(struct strbuf *sb, const char *s)
{
	for (; *s; s++) {
		if (is_unreserved(*s))
			strbuf_addc(sb, *s);
		else
			strbuf_printf(sb, "%%%02X", (unsigned char)*s);
	}
}

/* `base` NAME [`middle` [NAME2 [`end`]]], names encoded. */
static char *
build(const char *base, const char *name, const char *middle, const char *name2, const char *end)
{
	struct strbuf sb = {0};

	strbuf_add(&sb, base);
	kube_path_encode(&sb, name);
	strbuf_add(&sb, middle);
	if (name2)
		kube_path_encode(&sb, name2);
	strbuf_add(&sb, end);
	return strbuf_detach(&sb);
}

char *
kube_path_service(const char *namespace, const char *name)
{
	return build(NAMESPACES, namespace, "/services/", name, "");
}

char *
kube_path_service_status(const char *namespace, const char *name)
{
	return build(NAMESPACES, namespace, "/services/", name, "/status");
}

char *
kube_path_leases(const char *namespace)
{
	return build(LEASES, namespace, "/leases", NULL, "");
}

char *
kube_path_lease(const char *namespace, const char *name)
{
	return build(LEASES, namespace, "/leases/", name, "");
}

char *
kube_path_events(const char *namespace)
{
	return build(NAMESPACES, namespace, "/events", NULL, "");
}

char *
kube_path_event(const char *namespace, const char *name)
{
	return build(NAMESPACES, namespace, "/events/", name, "");
}

char *
kube_path_node(const char *name)
{
	return build(NODES, name, "", NULL, "");
}

char *
kube_path_namespace(const char *name)
{
	return build(NAMESPACES, name, "", NULL, "");
}

char *
kube_path_url(const char *server, const char *target)
{
	struct strbuf sb = {0};
	size_t len = strlen(server);

	while (len && server[len - 1] == '/')
		len--;
	strbuf_addn(&sb, server, len);
	strbuf_add(&sb, target);
	return strbuf_detach(&sb);
}
