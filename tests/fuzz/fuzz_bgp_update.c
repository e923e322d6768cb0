/*
 * The body of an UPDATE; the first octet says what the session negotiated. Every prefix of what is
 * taken can be read; encode and decode again give the same; a verdict is complete.
 */
#include <assert.h>
#include <string.h>

#include "bgp/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
count(const struct bgp_span *span, enum bgp_family family)
{
	struct ip_prefix prefix, masked;
	struct rbuf r;
	size_t n = 0;

	rbuf_init(&r, span->bytes, span->len);
	while (bgp_nlri_next(&r, family, &prefix)) {
		masked = ip_prefix_masked(&prefix);
		assert(!memcmp(&prefix, &masked, sizeof(prefix)));
		n++;
	}
	assert(!r.error);
	return n;
}

static size_t
count_all(const struct bgp_update *u)
{
	const struct bgp_attributes *a = &u->attributes;
	size_t n = count(&u->withdrawn, BGP_IPV4_UNICAST) + count(&u->nlri, BGP_IPV4_UNICAST);

	if (a->present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_REACH) && a->mp_reach.known)
		n += count(&a->mp_reach.nlri, a->mp_reach.family);
	if (a->present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_UNREACH) && a->mp_unreach.known)
		n += count(&a->mp_unreach.withdrawn, a->mp_unreach.family);
	return n;
}

static void
check_again(const struct bgp_update *u, const struct bgp_update_context *context)
{
	const struct bgp_attributes *a = &u->attributes, *b;
	uint8_t bytes[BGP_MESSAGE_MAX_BYTES];
	struct bgp_verdict verdict;
	struct bgp_update again;
	struct wbuf w;

	/* The next hop of a family that is not ours is not kept. */
	if (a->present & BGP_ATTRIBUTE_BIT(BGP_ATTRIBUTE_MP_REACH) && !a->mp_reach.known)
		return;
	wbuf_init(&w, bytes, sizeof(bytes));
	bgp_update_encode(&w, u);
	/* A longer form of a length may have been shortened, never the other way round. */
	assert(!w.error);
	bgp_update_decode(
	    bytes + BGP_HEADER_BYTES, w.pos - BGP_HEADER_BYTES, context, &again, &verdict);
	assert(verdict.treatment == BGP_TREATMENT_NONE);
	b = &again.attributes;
	assert(a->present == b->present && a->origin == b->origin && a->med == b->med);
	assert(a->local_pref == b->local_pref && ip_addr_eq(&a->next_hop, &b->next_hop));
	assert(a->as_path.len == b->as_path.len && a->communities.len == b->communities.len);
	assert(count_all(u) == count_all(&again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bgp_update_context context;
	struct bgp_verdict verdict;
	struct bgp_update u;
	char text[BGP_VERDICT_STRLEN];

	if (size < 5 || size > BGP_MESSAGE_MAX_BYTES - BGP_HEADER_BYTES)
		return 0;
	context = (struct bgp_update_context){data[0] & 1, data[0] & 2, data[0] & 4};
	bgp_update_decode(data + 1, size - 1, &context, &u, &verdict);
	bgp_verdict_str(&verdict, text);
	assert((verdict.treatment == BGP_TREATMENT_RESET) == (verdict.error.code != 0));
	assert((verdict.treatment == BGP_TREATMENT_NONE) == (verdict.fault == BGP_FAULT_NONE));
	if (verdict.treatment == BGP_TREATMENT_RESET) {
		assert(verdict.error.code == BGP_ERROR_UPDATE && verdict.error.subcode);
		return 0;
	}
	(void)count_all(&u);
	if (verdict.treatment == BGP_TREATMENT_NONE)
		check_again(&u, &context);
	return 0;
}
