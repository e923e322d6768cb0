/*
 * packet_socket: one AF_PACKET socket over all interfaces of the network namespace, with a filter
 * in the kernel. It carries whole Ethernet frames and knows none of their contents.
 *
 * Frames that this machine sends (by whatever socket) are not delivered. Needs CAP_NET_RAW.
 */
#ifndef IO_PACKET_SOCKET_H
#define IO_PACKET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct packet_socket;
struct sock_filter; /* linux/filter.h */

#define PACKET_FRAME_SIZE 2048    /* longer frames are cut and marked */
#define PACKET_BATCH 32           /* frames per system call */
#define PACKET_BATCHES_PER_TURN 4 /* then other work comes first */
#define PACKET_RECEIVE_BUFFER_BYTES (1024 * 1024)

/* Valid during the callback. */
struct packet_frame {
	int ifindex;
	const uint8_t *bytes; /* from the Ethernet header on */
	size_t len;
	bool truncated; /* it was longer than PACKET_FRAME_SIZE */
	/* 802.1Q or 802.1ad with a VLAN that is not 0. The kernel hides the tag from a socket of
	 * one type and marks the frame as another host's: so group frames tell, and unicast ones
	 * show for_other_host. With ETH_P_ALL all tell. */
	bool vlan;
	uint16_t vlan_tci; /* 0 when not known */
	/* Unicast to a MAC that is not the interface's (promiscuous mode), or tagged. */
	bool for_other_host;
};

typedef void packet_socket_fn(void *arg, const struct packet_frame *frame);

struct packet_socket_stats {
	uint64_t received; /* delivered to the callback */
	uint64_t drained;  /* thrown away by packet_socket_drain() */
	uint64_t dropped;  /* lost in the kernel because we were too slow */
	uint64_t outgoing; /* own frames that came back in spite of PACKET_IGNORE_OUTGOING */
	uint64_t truncated;
	uint64_t errors; /* of receiving */
	uint64_t sent;
	uint64_t send_errors;
};

/*
 * `ethertype` in host order (ETH_P_ARP, ETH_P_IPV6, ETH_P_ALL); the filter's array is copied by the
 * kernel, n_filter 0 takes every frame of the type. No frame that fails the filter is ever
 * delivered. 0 or -errno (-EPERM without the capability).
 */
int packet_socket_open(struct loop *loop, uint16_t ethertype, const struct sock_filter *filter,
    size_t n_filter, packet_socket_fn *fn, void *arg, struct packet_socket **ret_socket);
/* Allowed in the callback. NULL is allowed. */
void packet_socket_free(struct packet_socket *ps);
/* One frame, Ethernet header included; never waits. 0 or -errno (-ENETDOWN, -ENXIO, -ENODEV: no
 * such link or it is down; -ENOBUFS, -EAGAIN: queue full). Failures are counted. */
int packet_socket_send(struct packet_socket *ps, int ifindex, const void *bytes, size_t len);
/* Reads and throws away all that is queued now; returns how many. */
size_t packet_socket_drain(struct packet_socket *ps);
/* Reads the kernel's drop counter too. */
struct packet_socket_stats packet_socket_stats(struct packet_socket *ps);

#endif
