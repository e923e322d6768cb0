#include "ipam/record.h"

#include <string.h>

#include "util/mem.h"

#define RECORD_PREFIX "assigned "
#define RECORD_FROM " from pool "

void
record_write(struct strbuf *sb, const struct ip_addr *addrs, const char *const *pools, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char text[IP_ADDR_STRLEN];

		ip_addr_format(&addrs[i], text);
		strbuf_printf(sb, "%s%s", i ? ", " : RECORD_PREFIX, text);
	}
	for (i = 0; i < n; i++) {
		if (i && str_eq(pools[i], pools[0]))
			break;
		strbuf_add(sb, i ? ", " : RECORD_FROM);
		request_quote(sb, pools[i]);
	}
}

void
record_read(const struct service *service, struct ip_addr ret_addrs[REQUEST_FAMILIES])
{
	const char *at = service->condition.message, *end;
	size_t i;

	for (i = 0; i < REQUEST_FAMILIES; i++)
		ret_addrs[i] = (struct ip_addr){0};
	if (!service->condition.present || !at || !str_has_prefix(at, RECORD_PREFIX))
		return;
	at += strlen(RECORD_PREFIX);
	end = strstr(at, RECORD_FROM);
	while (end && at < end) {
		size_t len = strcspn(at, ", ");
		char text[IP_ADDR_STRLEN];
		struct ip_addr addr;

		if (len == 0 || len >= sizeof(text))
			return;
		memcpy(text, at, len);
		text[len] = '\0';
		if (ip_addr_parse(text, &addr))
			return;
		ret_addrs[family_index((enum ip_family)addr.family)] = addr;
		at += len + (at[len] == ',') + 1;
	}
}

char *
record_pool(const struct service *service, size_t family)
{
	const char *text = service->annotations[ANNOTATION_IP_ALLOCATED_FROM_POOL], *comma;

	if (!text)
		return xstrdup("");
	comma = strchr(text, ',');
	if (!comma)
		return xstrdup(text);
	return family ? xstrdup(comma + 1) : xstrndup(text, (size_t)(comma - text));
}
