#include "util/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/str.h"

static const char *const family_names[] = {"none", "IPv4", "IPv6"};
static_assert(
    sizeof(family_names) / sizeof(family_names[0]) == IP_FAMILY_COUNT, "one name per family");

const char *
ip_family_str(enum ip_family family)
{
	return family_names[family];
}

size_t
ip_family_size(enum ip_family family)
{
	switch (family) {
	case IP_FAMILY_V4:
		return 4;
	case IP_FAMILY_V6:
		return 16;
	case IP_FAMILY_NONE:
	case IP_FAMILY_COUNT:
		break;
	}
	return 0;
}

static size_t
addr_size(const struct ip_addr *addr)
{
	return ip_family_size((enum ip_family)addr->family);
}

int
ip_addr_parse(const char *s, struct ip_addr *ret_addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip_addr addr = {0};

	if (inet_pton(AF_INET, s, addr.bytes) == 1)
		addr.family = IP_FAMILY_V4;
	else if (inet_pton(AF_INET6, s, addr.bytes) == 1 &&
	    memcmp(addr.bytes, mapped, sizeof(mapped)) != 0)
		addr.family = IP_FAMILY_V6;
	else
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

void
ip_addr_format(const struct ip_addr *addr, char out[IP_ADDR_STRLEN])
{
	int af = addr->family == IP_FAMILY_V4 ? AF_INET : AF_INET6;

	if (addr->family == IP_FAMILY_NONE || !inet_ntop(af, addr->bytes, out, IP_ADDR_STRLEN))
		(void)str_copy(out, IP_ADDR_STRLEN, "-");
}

void
ip_addr_name(const struct ip_addr *addr, char out[IP_ADDR_NAME_LEN])
{
	const uint8_t *b = addr->bytes;
	size_t pos = 0, i;

	if (addr->family == IP_FAMILY_V4) {
		(void)snprintf(out, IP_ADDR_NAME_LEN, "%u-%u-%u-%u", b[0], b[1], b[2], b[3]);
		return;
	}
	for (i = 0; i < 16; i += 2)
		pos += (size_t)snprintf(
		    out + pos, IP_ADDR_NAME_LEN - pos, "%s%02x%02x", i ? "-" : "", b[i], b[i + 1]);
}

int
ip_addr_parse_name(const char *s, struct ip_addr *ret_addr)
{
	char text[IP_ADDR_NAME_LEN], again[IP_ADDR_NAME_LEN], *p, separator = '.';
	struct ip_addr addr;
	size_t dashes = 0;

	if (!str_copy(text, sizeof(text), s))
		return -EINVAL;
	for (p = text; *p; p++)
		dashes += *p == '-';
	if (dashes == 7)
		separator = ':';
	for (p = text; *p; p++)
		if (*p == '-')
			*p = separator;
	if (ip_addr_parse(text, &addr))
		return -EINVAL;
	/* One name per address: what does not come out again the same is not a name of ours. */
	ip_addr_name(&addr, again);
	if (!str_eq(again, s))
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

struct ip_addr
ip_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip_addr){.family = IP_FAMILY_V4, .bytes = {a, b, c, d}};
}

struct ip_addr
ip_addr_from_bytes(enum ip_family family, const void *bytes)
{
	struct ip_addr addr = {.family = (uint8_t)family};

	memcpy(addr.bytes, bytes, ip_family_size(family));
	return addr;
}

int
ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool
ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_cmp(a, b) == 0;
}

bool
ip_addr_next(const struct ip_addr *addr, struct ip_addr *ret_addr)
{
	struct ip_addr next = *addr;
	size_t i;

	for (i = addr_size(addr); i > 0; i--) {
		if (++next.bytes[i - 1]) {
			*ret_addr = next;
			return true;
		}
	}
	return false;
}

bool
ip_addr_prev(const struct ip_addr *addr, struct ip_addr *ret_addr)
{
	struct ip_addr prev = *addr;
	size_t i;

	for (i = addr_size(addr); i > 0; i--) {
		if (prev.bytes[i - 1]--) {
			*ret_addr = prev;
			return true;
		}
	}
	return false;
}

bool
ip_addr_is_link_local(const struct ip_addr *addr)
{
	if (addr->family == IP_FAMILY_V4)
		return addr->bytes[0] == 169 && addr->bytes[1] == 254;
	return addr->family == IP_FAMILY_V6 && addr->bytes[0] == 0xfe &&
	    (addr->bytes[1] & 0xc0) == 0x80;
}

bool
ip_addr_is_multicast(const struct ip_addr *addr)
{
	if (addr->family == IP_FAMILY_V4)
		return (addr->bytes[0] & 0xf0) == 0xe0;
	return addr->family == IP_FAMILY_V6 && addr->bytes[0] == 0xff;
}

bool
ip_addr_is_unspecified(const struct ip_addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, sizeof(zero)) == 0;
}

bool
ip_addr_is_loopback(const struct ip_addr *addr)
{
	static const uint8_t one[16] = {[15] = 1};

	if (addr->family == IP_FAMILY_V4)
		return addr->bytes[0] == 127;
	return addr->family == IP_FAMILY_V6 && memcmp(addr->bytes, one, sizeof(one)) == 0;
}

int
ip_prefix_parse(const char *s, struct ip_prefix *ret_prefix)
{
	const char *slash = strchr(s, '/');
	char text[IP_ADDR_STRLEN];
	struct ip_addr addr;
	uint64_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (ip_addr_parse(text, &addr) || str_parse_uint(slash + 1, addr_size(&addr) * 8, &len))
		return -EINVAL;
	*ret_prefix = (struct ip_prefix){.addr = addr, .len = (uint8_t)len};
	return 0;
}

void
ip_prefix_format(const struct ip_prefix *prefix, char out[IP_PREFIX_STRLEN])
{
	char text[IP_ADDR_STRLEN];

	ip_addr_format(&prefix->addr, text);
	(void)snprintf(out, IP_PREFIX_STRLEN, "%s/%u", text, prefix->len);
}

/* The byte of a netmask of `len` bits at index i. */
static uint8_t
mask_byte(unsigned len, size_t i)
{
	unsigned bits = (unsigned)i * 8;

	if (len >= bits + 8)
		return 0xff;
	if (len <= bits)
		return 0;
	return (uint8_t)(0xff << (8 - (len - bits)));
}

bool
ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	size_t i, size = addr_size(addr);

	if (prefix->addr.family != addr->family)
		return false;
	for (i = 0; i < size; i++)
		if ((prefix->addr.bytes[i] ^ addr->bytes[i]) & mask_byte(prefix->len, i))
			return false;
	return true;
}

struct ip_range
ip_prefix_range(const struct ip_prefix *prefix)
{
	struct ip_range range = {prefix->addr, prefix->addr};
	size_t i, size = addr_size(&prefix->addr);

	for (i = 0; i < size; i++) {
		uint8_t mask = mask_byte(prefix->len, i);

		range.first.bytes[i] &= mask;
		range.last.bytes[i] |= (uint8_t)~mask;
	}
	return range;
}

struct ip_prefix
ip_prefix_masked(const struct ip_prefix *prefix)
{
	return (struct ip_prefix){.addr = ip_prefix_range(prefix).first, .len = prefix->len};
}

struct ip_prefix
ip_range_first_prefix(const struct ip_range *range)
{
	struct ip_prefix prefix = {
	    .addr = range->first, .len = (uint8_t)(addr_size(&range->first) * 8)};

	while (prefix.len) {
		struct ip_prefix wider = {.addr = range->first, .len = (uint8_t)(prefix.len - 1)};
		struct ip_range span = ip_prefix_range(&wider);

		if (!ip_addr_eq(&span.first, &range->first) ||
		    ip_addr_cmp(&span.last, &range->last) > 0)
			break;
		prefix = wider;
	}
	return prefix;
}

bool
ip_range_contains(const struct ip_range *range, const struct ip_addr *addr)
{
	return ip_addr_cmp(&range->first, addr) <= 0 && ip_addr_cmp(addr, &range->last) <= 0;
}

bool
ip_range_overlaps(const struct ip_range *a, const struct ip_range *b)
{
	return ip_addr_cmp(&a->first, &b->last) <= 0 && ip_addr_cmp(&b->first, &a->last) <= 0;
}

uint64_t
ip_range_count(const struct ip_range *range)
{
	size_t i, size = addr_size(&range->first), low = size > 8 ? size - 8 : 0;
	uint64_t first = 0, last = 0;

	/* A borrow into the upper half cannot make the difference small by itself, so compare the
	 * halves. */
	for (i = low; i < size; i++) {
		first = first << 8 | range->first.bytes[i];
		last = last << 8 | range->last.bytes[i];
	}
	if (memcmp(range->first.bytes, range->last.bytes, low) != 0) {
		struct ip_addr carry = range->first;

		memset(carry.bytes + low, 0xff, size - low);
		/* Only neighbours in the upper half can still be fewer than 2^64 apart. */
		if (!ip_addr_next(&carry, &carry) ||
		    memcmp(carry.bytes, range->last.bytes, low) != 0 || last >= first)
			return UINT64_MAX;
	}
	return last - first == UINT64_MAX ? UINT64_MAX : last - first + 1;
}

int
mac_addr_parse(const char *s, struct mac_addr *ret_mac)
{
	struct mac_addr mac;
	size_t i, j;

	if (strlen(s) != MAC_ADDR_STRLEN - 1)
		return -EINVAL;
	for (i = 0; i < 6; i++) {
		unsigned value = 0;

		for (j = 0; j < 2; j++) {
			const char *digits = "0123456789abcdef", *p;
			char c = s[3 * i + j];

			if (c >= 'A' && c <= 'F')
				c = (char)(c - 'A' + 'a');
			p = c ? strchr(digits, c) : NULL;
			if (!p)
				return -EINVAL;
			value = value * 16 + (unsigned)(p - digits);
		}
		if (i < 5 && s[3 * i + 2] != ':')
			return -EINVAL;
		mac.bytes[i] = (uint8_t)value;
	}
	*ret_mac = mac;
	return 0;
}

void
mac_addr_format(const struct mac_addr *mac, char out[MAC_ADDR_STRLEN])
{
	const uint8_t *b = mac->bytes;

	(void)snprintf(out, MAC_ADDR_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
	    b[3], b[4], b[5]);
}

bool
mac_addr_eq(const struct mac_addr *a, const struct mac_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool
mac_addr_is_zero(const struct mac_addr *mac)
{
	static const struct mac_addr zero;

	return mac_addr_eq(mac, &zero);
}

bool
mac_addr_is_multicast(const struct mac_addr *mac)
{
	return mac->bytes[0] & 1;
}
