#include "announce/interfaces.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define EXPLAIN_MAX_LINKS 4 /* interfaces named in a sentence; a node may have hundreds */

static const char *const verdict_texts[] = {
    [INTERFACE_USED] = "is used",
    [INTERFACE_LOOPBACK] = "is loopback",
    [INTERFACE_PORT] = "is a port of a bridge or bond",
    [INTERFACE_NO_ARP] = "does not use ARP",
    [INTERFACE_NO_BROADCAST] = "cannot broadcast",
    [INTERFACE_NO_MAC] = "has no MAC",
    [INTERFACE_NOT_NAMED] = "is not named by the advertisement",
    [INTERFACE_EXCLUDED] = "is excluded by node.exclude-interfaces",
    [INTERFACE_OTHER_LAN] = "is in another LAN",
    [INTERFACE_DOWN] = "is down",
    [INTERFACE_NO_CARRIER] = "has no carrier",
    [INTERFACE_NO_LINK_LOCAL] = "has no IPv6 link-local address",
};
static_assert(
    sizeof(verdict_texts) / sizeof(verdict_texts[0]) == INTERFACE_VERDICT_COUNT, "one text each");

const char *
interface_verdict_str(enum interface_verdict verdict)
{
	return verdict_texts[verdict];
}

bool
interface_verdict_is_passing(enum interface_verdict verdict)
{
	return verdict == INTERFACE_DOWN || verdict == INTERFACE_NO_CARRIER ||
	    verdict == INTERFACE_NO_LINK_LOCAL;
}

static bool
has_link_local(const struct link_info *link)
{
	size_t i;

	for (i = 0; i < link->n_addresses; i++)
		if (link->addresses[i].addr.family == IP_FAMILY_V6 &&
		    ip_addr_is_link_local(&link->addresses[i].addr))
			return true;
	return false;
}

/* What the link itself says, whatever was chosen. */
static enum interface_verdict
link_verdict(const struct link_info *link, enum ip_family family)
{
	if (link->loopback)
		return INTERFACE_LOOPBACK;
	if (link->master && !link->master_is_vrf)
		return INTERFACE_PORT;
	if (!link->arp)
		return INTERFACE_NO_ARP;
	if (!link->broadcast && family == IP_FAMILY_V4)
		return INTERFACE_NO_BROADCAST;
	if (mac_addr_is_zero(&link->mac))
		return INTERFACE_NO_MAC;
	if (!link->up)
		return INTERFACE_DOWN;
	if (!link->carrier)
		return INTERFACE_NO_CARRIER;
	if (family == IP_FAMILY_V6 && !has_link_local(link))
		return INTERFACE_NO_LINK_LOCAL;
	return INTERFACE_USED;
}

static bool
is_suitable(enum interface_verdict verdict)
{
	return verdict == INTERFACE_USED || interface_verdict_is_passing(verdict);
}

static enum interface_verdict
candidate(const struct link_info *link, const struct string_list *globs,
    const struct string_list *excludes, enum ip_family family)
{
	enum interface_verdict verdict = link_verdict(link, family);

	if (globs->count)
		return string_list_matches(globs, link->name) ? verdict : INTERFACE_NOT_NAMED;
	if (is_suitable(verdict) && excludes->count && string_list_matches(excludes, link->name))
		return INTERFACE_EXCLUDED;
	return verdict;
}

void
interface_choice_init(struct interface_choice *choice, const struct link_table *links,
    const struct string_list *globs, const struct string_list *excludes, enum ip_family family)
{
	size_t i;

	*choice = (struct interface_choice){
	    .links = links,
	    .named = globs->count > 0,
	    .candidates = xcalloc(links->count, sizeof(*choice->candidates)),
	    .suitable = xcalloc(links->count, sizeof(*choice->suitable)),
	};
	for (i = 0; i < links->count; i++) {
		choice->candidates[i] = candidate(&links->items[i], globs, excludes, family);
		if (is_suitable(choice->candidates[i]))
			choice->suitable[choice->n_suitable++] = i;
	}
}

void
interface_choice_fini(struct interface_choice *choice)
{
	free(choice->candidates);
	free(choice->suitable);
	*choice = (struct interface_choice){0};
}

/* Whether the address has a LAN of its own here, so that other interfaces are out of the question.
 */
static bool
is_connected(const struct interface_choice *choice, const struct ip_addr *addr)
{
	size_t i;

	if (choice->named)
		return false;
	for (i = 0; i < choice->n_suitable; i++)
		if (link_is_on_link(&choice->links->items[choice->suitable[i]], addr))
			return true;
	return false;
}

size_t
interface_choice_for(const struct interface_choice *choice, const struct ip_addr *addr,
    enum interface_verdict *ret_verdicts)
{
	bool connected = is_connected(choice, addr);
	size_t i, n = 0;

	for (i = 0; i < choice->links->count; i++) {
		ret_verdicts[i] = choice->candidates[i];
		if (connected && is_suitable(ret_verdicts[i]) &&
		    !link_is_on_link(&choice->links->items[i], addr))
			ret_verdicts[i] = INTERFACE_OTHER_LAN;
		n += ret_verdicts[i] == INTERFACE_USED;
	}
	return n;
}

size_t
interface_choice_list(
    const struct interface_choice *choice, const struct ip_addr *addr, int *ret_ifindexes)
{
	bool connected = is_connected(choice, addr);
	size_t i, n = 0;

	for (i = 0; i < choice->n_suitable; i++) {
		size_t pos = choice->suitable[i];
		const struct link_info *link = &choice->links->items[pos];

		if (choice->candidates[pos] == INTERFACE_USED &&
		    (!connected || link_is_on_link(link, addr)))
			ret_ifindexes[n++] = link->ifindex;
	}
	return n;
}

static void
explain_links(const struct interface_choice *choice, const enum interface_verdict *verdicts,
    bool passing, struct strbuf *out)
{
	size_t i, n = 0;

	for (i = 0; i < choice->links->count; i++) {
		if (passing ? !interface_verdict_is_passing(verdicts[i])
			    : verdicts[i] == INTERFACE_NOT_NAMED ||
			    verdicts[i] == INTERFACE_OTHER_LAN ||
			    (verdicts[i] == INTERFACE_LOOPBACK && !choice->named))
			continue;
		if (n++ >= EXPLAIN_MAX_LINKS)
			continue;
		if (n > 1)
			strbuf_add(out, ", ");
		strbuf_add_quoted(out, choice->links->items[i].name, LINK_NAME_SIZE);
		strbuf_printf(out, " %s", interface_verdict_str(verdicts[i]));
	}
	if (n > EXPLAIN_MAX_LINKS)
		strbuf_printf(out, ", and %zu more", n - EXPLAIN_MAX_LINKS);
}

void
interface_choice_explain(const struct interface_choice *choice, const struct ip_addr *addr,
    const struct string_list *globs, struct strbuf *out)
{
	enum interface_verdict *verdicts = xcalloc(choice->links->count, sizeof(*verdicts));
	size_t before = out->len, i;

	(void)interface_choice_for(choice, addr, verdicts);
	explain_links(choice, verdicts, true, out);
	if (out->len == before)
		explain_links(choice, verdicts, false, out);
	free(verdicts);
	if (out->len > before)
		return;
	if (!choice->named) {
		strbuf_add(out, "there is no interface but loopback");
		return;
	}
	strbuf_add(out, "no interface matches ");
	for (i = 0; i < globs->count; i++) {
		strbuf_add(out, i ? ", \"" : "\"");
		strbuf_add_quoted(out, globs->items[i], LINK_NAME_SIZE);
		strbuf_addc(out, '"');
	}
}
