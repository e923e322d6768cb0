/*
 * request: what a Service asks for, read from its annotations and fields, all of which are foreign
 * text.
 */
#ifndef IPAM_REQUEST_H
#define IPAM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "model/service.h"
#include "util/addr.h"
#include "util/str.h"

/* Families as array indexes: IPv4 before IPv6, as in the status. */
#define REQUEST_FAMILIES SERVICE_MAX_FAMILIES

static inline size_t
family_index(enum ip_family family)
{
	return family == IP_FAMILY_V6 ? 1 : 0;
}

static inline enum ip_family
family_at(size_t index)
{
	return index ? IP_FAMILY_V6 : IP_FAMILY_V4;
}

/* Foreign text in messages is cut after so many bytes. */
#define REQUEST_QUOTE_BYTES 64
/* Adds it in double quotes, cut and escaped. */
void request_quote(struct strbuf *sb, const char *text);

struct request {
	const char *pool; /* NULL: any. Borrowed from the Service */
	bool has_ips;
	struct ip_addr ips[REQUEST_FAMILIES]; /* by family_index(); family NONE: not asked for */
};

/* 0; or -EINVAL with the reason in *err. */
int request_parse(const struct service *service, struct request *ret_request, struct strbuf *err);

/*
 * The families that a Service has clusterIPs of, hence wants addresses of. Returns their number: 0
 * when it has none, -EINVAL when they make no sense.
 */
int request_families(const struct service *service, bool ret_wanted[REQUEST_FAMILIES]);

#endif
