#include "ipam/request.h"

#include <errno.h>
#include <string.h>

#define IPS_NAME ANNOTATION_PREFIX "loadBalancerIPs"

void
request_quote(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, "\"");
	strbuf_add_quoted(sb, text, REQUEST_QUOTE_BYTES);
	strbuf_add(sb, "\"");
}

/* Adds one address, trimmed. 0 or -EINVAL with the reason. */
static int
add_ip(struct request *request, const char *text, size_t len, struct strbuf *err)
{
	char one[IP_ADDR_STRLEN];
	struct ip_addr addr;
	size_t i;

	while (len && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len < sizeof(one)) {
		memcpy(one, text, len);
		one[len] = '\0';
	}
	if (len >= sizeof(one) || ip_addr_parse(one, &addr)) {
		size_t cut = len < REQUEST_QUOTE_BYTES ? len : REQUEST_QUOTE_BYTES;
		char quoted[REQUEST_QUOTE_BYTES + 2];

		/* One byte more than is shown, where there is one: the quoter then says that it
		 * cut. */
		if (cut < len)
			cut++;
		memcpy(quoted, text, cut);
		quoted[cut] = '\0';
		request_quote(err, quoted);
		strbuf_add(err, " is not an IP address");
		return -EINVAL;
	}
	i = family_index((enum ip_family)addr.family);
	if (request->ips[i].family != IP_FAMILY_NONE) {
		strbuf_printf(
		    err, "more than one %s address", ip_family_str((enum ip_family)addr.family));
		return -EINVAL;
	}
	request->ips[i] = addr;
	request->has_ips = true;
	return 0;
}

/* Ends at the first error, hence after the third address at the latest: whatever the length. */
static int
parse_list(struct request *request, const char *list, struct strbuf *err)
{
	for (;;) {
		size_t len = strcspn(list, ",");

		if (add_ip(request, list, len, err))
			return -EINVAL;
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

static int
parse_ips(const struct service *service, struct request *request, struct strbuf *err)
{
	const char *list = service->annotations[ANNOTATION_LOAD_BALANCER_IPS];
	const char *field = service->load_balancer_ip;

	if (!list)
		list = "";
	if (list[0] && field[0]) {
		strbuf_add(err, "both " IPS_NAME " and spec.loadBalancerIP are set: keep one");
		return -EINVAL;
	}
	if (service->annotation_too_long[ANNOTATION_LOAD_BALANCER_IPS]) {
		strbuf_printf(
		    err, "invalid " IPS_NAME ": longer than %d bytes", SERVICE_MAX_ANNOTATION);
		return -EINVAL;
	}
	if (list[0]) {
		strbuf_add(err, "invalid " IPS_NAME ": ");
		if (parse_list(request, list, err))
			return -EINVAL;
	} else if (field[0]) {
		strbuf_add(err, "invalid spec.loadBalancerIP: ");
		if (add_ip(request, field, strlen(field), err))
			return -EINVAL;
	}
	strbuf_clear(err);
	return 0;
}

int
request_parse(const struct service *service, struct request *ret_request, struct strbuf *err)
{
	const char *pool = service->annotations[ANNOTATION_ADDRESS_POOL];
	struct request request = {0};

	if (service->annotation_too_long[ANNOTATION_ADDRESS_POOL] ||
	    service->annotation_too_long[ANNOTATION_ALLOW_SHARED_IP]) {
		bool is_pool = service->annotation_too_long[ANNOTATION_ADDRESS_POOL];

		strbuf_printf(err, "invalid " ANNOTATION_PREFIX "%s: longer than %d bytes",
		    service_annotation_name(
			is_pool ? ANNOTATION_ADDRESS_POOL : ANNOTATION_ALLOW_SHARED_IP),
		    SERVICE_MAX_ANNOTATION);
		return -EINVAL;
	}
	if (pool && pool[0])
		request.pool = pool;
	if (parse_ips(service, &request, err))
		return -EINVAL;
	*ret_request = request;
	return 0;
}

int
request_families(const struct service *service, bool ret_wanted[REQUEST_FAMILIES])
{
	bool wanted[REQUEST_FAMILIES] = {false};
	size_t i;

	if (service->cluster_ips_invalid)
		return -EINVAL;
	for (i = 0; i < service->n_cluster_ips; i++)
		wanted[family_index((enum ip_family)service->cluster_ips[i].family)] = true;
	memcpy(ret_wanted, wanted, sizeof(wanted));
	return wanted[0] + wanted[1];
}
