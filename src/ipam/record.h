/*
 * record: what a Service's object says about us: the addresses in our condition's message, the
 * pools in our annotation. It is how a fresh leader knows what is ours.
 */
#ifndef IPAM_RECORD_H
#define IPAM_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "ipam/request.h"
#include "model/service.h"
#include "util/str.h"

/*
 * Writes "assigned ADDR[, ADDR] from pool "P"[, "Q"]"; record_read() reads the addresses of such a
 * message, by family; family NONE where it names none.
 */
void
record_write(struct strbuf *sb, const struct ip_addr *addrs, const char *const *pools, size_t n);
void record_read(const struct service *service, struct ip_addr ret_addrs[REQUEST_FAMILIES]);
/* The pool that ip-allocated-from-pool ("POOL", or "POOL4,POOL6") names for the family; "" without.
 * The caller frees. */
char *record_pool(const struct service *service, size_t family);

#endif
