#include "lease/member.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

#define KEY(name) MEMBER_ANNOTATION_PREFIX name
#define KEY_LAN KEY("lan")
#define KEY_INTERFACES KEY("interfaces")
#define KEY_ADVERTISEMENTS KEY("l2-advertisements")
#define KEY_DRAINED KEY("drained")
#define KEY_EXCLUDED KEY("excluded")
#define KEY_SESSIONS_DOWN KEY("sessions-down")
#define KEY_SETTINGS_HASH KEY("settings-hash")
#define KEY_VERSION KEY("version")
#define KEY_HOSTNAME KEY("hostname")
#define KEY_MACHINE_ID KEY("machine-id")
#define KEY_BOOT_ID KEY("boot-id")
#define KEY_INSTANCE_ID KEY("instance-id")

/* Ends the line begun at `start`, or takes it back when the value would be too long. */
static bool
end_line(struct strbuf *sb, size_t start)
{
	if (sb->len < LEASE_MAX_VALUE) {
		strbuf_addc(sb, '\n');
		return true;
	}
	sb->text[start] = '\0';
	sb->len = start;
	return false;
}

static void
set_lines(struct lease *lease, const char *key, struct strbuf *sb)
{
	if (sb->len && sb->text[sb->len - 1] == '\n')
		sb->text[--sb->len] = '\0';
	lease_set_annotation(lease, key, sb->len ? strbuf_text(sb) : NULL);
	strbuf_clear(sb);
}

static void
set_string(struct lease *lease, const char *key, const char *value)
{
	lease_set_annotation(lease, key, value && *value ? value : NULL);
}

static void
write_interfaces(const struct member_info *info, struct lease *lease, struct strbuf *sb)
{
	size_t i, k, start;

	for (i = 0; i < info->n_interfaces; i++) {
		const struct member_interface *intf = &info->interfaces[i];
		char mac[MAC_ADDR_STRLEN], prefix[IP_PREFIX_STRLEN];

		start = sb->len;
		mac_addr_format(&intf->mac, mac);
		strbuf_printf(sb, "%s %s", intf->name, mac);
		for (k = 0; k < intf->n_addresses; k++) {
			ip_prefix_format(&intf->addresses[k], prefix);
			strbuf_printf(sb, " %s", prefix);
		}
		if (!end_line(sb, start))
			break;
	}
	set_lines(lease, KEY_LAN, sb);
	for (i = 0; i < info->n_interfaces; i++) {
		if (!info->interfaces[i].usable)
			continue;
		if (sb->len + 1 + strlen(info->interfaces[i].name) > LEASE_MAX_VALUE)
			break;
		strbuf_printf(sb, "%s%s", sb->len ? " " : "", info->interfaces[i].name);
	}
	set_lines(lease, KEY_INTERFACES, sb);
}

static void
write_advertisements(const struct member_info *info, struct lease *lease, struct strbuf *sb)
{
	size_t i;

	for (i = 0; i < info->n_advertisements; i++) {
		size_t start = sb->len;

		strbuf_printf(
		    sb, "%u %s", info->advertisements[i].weight, info->advertisements[i].name);
		if (!end_line(sb, start))
			break;
	}
	set_lines(lease, KEY_ADVERTISEMENTS, sb);
}

void
member_info_write(const struct member_info *info, struct lease *lease)
{
	struct strbuf sb = {0};
	char hash[17];

	write_interfaces(info, lease, &sb);
	write_advertisements(info, lease, &sb);
	strbuf_free(&sb);
	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, info->settings_hash);
	set_string(lease, KEY_SETTINGS_HASH, hash);
	set_string(lease, KEY_DRAINED, info->drained ? "true" : NULL);
	set_string(lease, KEY_EXCLUDED, info->excluded ? "true" : NULL);
	set_string(lease, KEY_SESSIONS_DOWN, info->sessions_down);
	set_string(lease, KEY_VERSION, info->version);
	set_string(lease, KEY_HOSTNAME, info->hostname);
	set_string(lease, KEY_MACHINE_ID, info->machine_id);
	set_string(lease, KEY_BOOT_ID, info->boot_id);
	set_string(lease, KEY_INSTANCE_ID, info->instance_id);
}

static const char *
get_string(struct arena *arena, const struct lease *lease, const char *key)
{
	const char *value = lease_annotation(lease, key);

	return arena_strdup(arena, value ? value : "");
}

static bool
get_bool(const struct lease *lease, const char *key)
{
	const char *value = lease_annotation(lease, key);

	return value && str_eq(value, "true");
}

/* Cuts *rest at the next separator and returns what stood before it; NULL at the end. */
static char *
next_token(char **rest, const char *separators)
{
	char *token;

	do
		token = strsep(rest, separators);
	while (token && !*token);
	return token;
}

static size_t
read_addresses(struct arena *arena, char *rest, const struct ip_prefix **ret_addresses)
{
	struct ip_prefix addresses[LINK_MAX_ADDRESSES];
	char *token;
	size_t n = 0;

	while (n < LINK_MAX_ADDRESSES && (token = next_token(&rest, " ")))
		if (ip_prefix_parse(token, &addresses[n]) == 0)
			n++;
	*ret_addresses = arena_memdup(arena, addresses, n, sizeof(addresses[0]));
	return n;
}

static void
read_usable(
    struct arena *arena, const struct lease *lease, struct member_interface *items, size_t n)
{
	const char *value = lease_annotation(lease, KEY_INTERFACES);
	char *rest, *token;
	size_t i;

	rest = arena_strdup(arena, value ? value : "");
	while ((token = next_token(&rest, " ")))
		for (i = 0; i < n; i++)
			if (str_eq(items[i].name, token))
				items[i].usable = true;
}

static void
read_interfaces(struct arena *arena, const struct lease *lease, struct member_info *info)
{
	const char *value = lease_annotation(lease, KEY_LAN);
	struct member_interface items[MEMBER_MAX_INTERFACES], *copy;
	char *rest, *line;
	size_t n = 0;

	rest = arena_strdup(arena, value ? value : "");
	while (n < MEMBER_MAX_INTERFACES && (line = next_token(&rest, "\n"))) {
		char *name = next_token(&line, " "), *mac = next_token(&line, " ");
		struct member_interface *intf = &items[n];

		if (!name || !mac)
			continue;
		*intf = (struct member_interface){.name = name};
		if (mac_addr_parse(mac, &intf->mac))
			continue;
		intf->n_addresses = read_addresses(arena, line, &intf->addresses);
		n++;
	}
	copy = arena_memdup(arena, items, n, sizeof(items[0]));
	read_usable(arena, lease, copy, n);
	info->interfaces = copy;
	info->n_interfaces = n;
}

static void
read_advertisements(struct arena *arena, const struct lease *lease, struct member_info *info)
{
	const char *value = lease_annotation(lease, KEY_ADVERTISEMENTS);
	struct member_advertisement *items;
	char *rest, *line;
	size_t max = 1, n = 0;
	uint64_t weight;

	rest = arena_strdup(arena, value ? value : "");
	for (line = rest; *line && max < MEMBER_MAX_ADVERTISEMENTS; line++)
		max += *line == '\n';
	items = arena_alloc(arena, max, sizeof(*items));
	while (n < max && (line = next_token(&rest, "\n"))) {
		char *number = strsep(&line, " ");

		if (!line || str_parse_uint(number, 100, &weight))
			continue;
		items[n++] = (struct member_advertisement){line, (uint8_t)weight};
	}
	info->advertisements = items;
	info->n_advertisements = n;
}

/* 0 for anything but 16 hexadecimal digits. */
static uint64_t
read_hash(const struct lease *lease)
{
	const char *value = lease_annotation(lease, KEY_SETTINGS_HASH);
	size_t i;

	for (i = 0; value && i < 16; i++)
		if (!isxdigit((unsigned char)value[i]))
			return 0;
	return value && !value[16] ? strtoull(value, NULL, 16) : 0;
}

struct member_info *
member_info_read(struct arena *arena, const struct lease *lease)
{
	struct member_info *info = arena_alloc(arena, 1, sizeof(*info));

	read_interfaces(arena, lease, info);
	read_advertisements(arena, lease, info);
	info->settings_hash = read_hash(lease);
	info->drained = get_bool(lease, KEY_DRAINED);
	info->excluded = get_bool(lease, KEY_EXCLUDED);
	info->sessions_down = get_string(arena, lease, KEY_SESSIONS_DOWN);
	info->version = get_string(arena, lease, KEY_VERSION);
	info->hostname = get_string(arena, lease, KEY_HOSTNAME);
	info->machine_id = get_string(arena, lease, KEY_MACHINE_ID);
	info->boot_id = get_string(arena, lease, KEY_BOOT_ID);
	info->instance_id = get_string(arena, lease, KEY_INSTANCE_ID);
	return info;
}

bool
member_info_is_on(const struct member_info *info, const struct ip_prefix *subnets, size_t n_subnets)
{
	size_t i, k, s;

	for (i = 0; i < info->n_interfaces; i++) {
		const struct member_interface *intf = &info->interfaces[i];

		for (k = 0; intf->usable && k < intf->n_addresses; k++)
			for (s = 0; s < n_subnets; s++)
				if (ip_prefix_contains(&subnets[s], &intf->addresses[k].addr))
					return true;
	}
	return false;
}
