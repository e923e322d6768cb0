#include "daemon/neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "bgp/unnumbered.h"
#include "io/icmp6.h"
#include "io/loop.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

struct port {
	struct neighbours *neighbours;
	char name[LINK_NAME_SIZE];
	int ifindex; /* 0: no such interface now */
	bool wanted, send_failed;
	struct unnumbered unnumbered;
	struct loop_timer timer;
	TAILQ_ENTRY(port) entry;
};

struct neighbours {
	struct loop *loop;
	struct icmp6 *socket;
	bool open_failed; /* said */
	neighbours_fn *fn;
	void *arg;
	TAILQ_HEAD(, port) ports;
};

static struct port *
find(const struct neighbours *neighbours, const char *interface)
{
	struct port *port;

	TAILQ_FOREACH (port, &neighbours->ports, entry)
		if (str_eq(port->name, interface))
			return port;
	return NULL;
}

static void
port_free(struct port *port)
{
	TAILQ_REMOVE(&port->neighbours->ports, port, entry);
	loop_timer_fini(&port->timer);
	free(port);
}

static void
send_due(void *arg)
{
	struct port *port = arg;
	struct neighbours *neighbours = port->neighbours;
	mono_t now = loop_now(neighbours->loop);
	uint8_t bytes[UNNUMBERED_MESSAGE_BYTES];
	struct ip_addr to;
	size_t len;
	int err;

	while ((len = unnumbered_next(&port->unnumbered, now, bytes, &to))) {
		err = icmp6_send(neighbours->socket, port->ifindex, &to, bytes, len);
		if (err && !port->send_failed)
			log_warning("bgp interface=%s router advertisements cannot be sent: %s",
			    port->name, strerror(-err));
		port->send_failed = err != 0;
	}
	loop_timer_set(&port->timer, unnumbered_deadline(&port->unnumbered));
}

static void
on_message(void *arg, int ifindex, const struct ip_addr *from, uint8_t hop_limit,
    const uint8_t *bytes, size_t len)
{
	struct neighbours *neighbours = arg;
	struct port *port;

	TAILQ_FOREACH (port, &neighbours->ports, entry) {
		if (port->ifindex != ifindex)
			continue;
		if (unnumbered_receive(&port->unnumbered, from, hop_limit, bytes, len,
			loop_now(neighbours->loop)) == UNNUMBERED_FOUND)
			neighbours->fn(neighbours->arg, port->name, from, ifindex);
		send_due(port);
	}
}

/* Also again after a failure, when something else changes. */
static bool
open_socket(struct neighbours *neighbours)
{
	int err;

	if (neighbours->socket)
		return true;
	err = icmp6_open(neighbours->loop, on_message, neighbours, &neighbours->socket);
	if (err && !neighbours->open_failed)
		log_warning("bgp unnumbered peers cannot be found: ICMPv6 socket: %s; metallbd "
			    "needs CAP_NET_RAW",
		    strerror(-err));
	neighbours->open_failed = err != 0;
	return !err;
}

static void
update_port(struct port *port, const struct link_table *links)
{
	const struct link_info *link = link_table_by_name(links, port->name);
	struct ip_addr own = {0};
	size_t i;

	port->ifindex = link ? link->ifindex : 0;
	for (i = 0; link && link->carrier && i < link->n_addresses && !own.family; i++)
		if (link->addresses[i].addr.family == IP_FAMILY_V6 &&
		    ip_addr_is_link_local(&link->addresses[i].addr))
			own = link->addresses[i].addr;
	if (own.family && icmp6_join_routers(port->neighbours->socket, port->ifindex))
		own.family = IP_FAMILY_NONE;
	unnumbered_set_link(&port->unnumbered, link ? &link->mac : &(struct mac_addr){{0}}, &own,
	    loop_now(port->neighbours->loop));
	send_due(port);
}

struct neighbours *
neighbours_new(struct loop *loop, neighbours_fn *fn, void *arg)
{
	struct neighbours *neighbours = xcalloc(1, sizeof(*neighbours));

	neighbours->loop = loop;
	neighbours->fn = fn;
	neighbours->arg = arg;
	TAILQ_INIT(&neighbours->ports);
	return neighbours;
}

void
neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	while (!TAILQ_EMPTY(&neighbours->ports))
		port_free(TAILQ_FIRST(&neighbours->ports));
	icmp6_free(neighbours->socket);
	free(neighbours);
}

void
neighbours_begin(struct neighbours *neighbours)
{
	struct port *port;

	TAILQ_FOREACH (port, &neighbours->ports, entry)
		port->wanted = false;
}

void
neighbours_want(struct neighbours *neighbours, const char *interface)
{
	struct port *port = find(neighbours, interface);

	if (!port) {
		port = xcalloc(1, sizeof(*port));
		port->neighbours = neighbours;
		(void)str_copy(port->name, sizeof(port->name), interface);
		unnumbered_init(&port->unnumbered);
		loop_timer_init(&port->timer, neighbours->loop, send_due, port);
		TAILQ_INSERT_TAIL(&neighbours->ports, port, entry);
	}
	port->wanted = true;
}

void
neighbours_end(struct neighbours *neighbours, const struct link_table *links)
{
	struct port *port, *tmp;

	TAILQ_FOREACH_SAFE (port, &neighbours->ports, entry, tmp)
		if (!port->wanted)
			port_free(port);
	neighbours_set_links(neighbours, links);
}

void
neighbours_set_links(struct neighbours *neighbours, const struct link_table *links)
{
	struct port *port;

	if (TAILQ_EMPTY(&neighbours->ports) || !open_socket(neighbours))
		return;
	TAILQ_FOREACH (port, &neighbours->ports, entry)
		update_port(port, links);
}

bool
neighbours_find(const struct neighbours *neighbours, const char *interface, struct ip_addr *ret_ip,
    int *ret_ifindex)
{
	const struct port *port = find(neighbours, interface);

	if (!port || unnumbered_neighbour(&port->unnumbered)->family == IP_FAMILY_NONE)
		return false;
	*ret_ip = *unnumbered_neighbour(&port->unnumbered);
	*ret_ifindex = port->ifindex;
	return true;
}
