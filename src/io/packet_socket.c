/*
 * packet_socket: see packet_socket.h.
 *
 * The order in packet_socket_open() matters: with protocol 0 a packet socket receives nothing, so
 * the filter is in place before bind() opens the tap. VLAN: a tag that the driver or the kernel
 * took out is in the auxiliary data; one that is still in the frame shows in its type.
 */
#include "io/packet_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "util/mem.h"

/* Linux 4.20; older headers lack it. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct slot {
	uint8_t bytes[PACKET_FRAME_SIZE];
	struct sockaddr_ll from;
	struct iovec iov;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
};

struct packet_socket {
	struct loop *loop;
	int fd;
	struct loop_fd watch;
	struct loop_deferred gone; /* frees it when it was freed in its own callback */
	packet_socket_fn *fn;
	void *arg;
	bool in_callback, freed;
	struct packet_socket_stats stats;
	struct mmsghdr messages[PACKET_BATCH];
	struct slot slots[PACKET_BATCH];
};

static void
destroy(void *arg)
{
	struct packet_socket *ps = arg;

	loop_fd_fini(&ps->watch);
	loop_deferred_fini(&ps->gone);
	if (ps->fd >= 0)
		(void)close(ps->fd);
	free(ps);
}

/* Once for all: a batch that touched every slot again would cost more than the few frames that it
 * mostly has. */
static void
init_slot(struct packet_socket *ps, int i)
{
	struct slot *slot = &ps->slots[i];

	slot->iov = (struct iovec){.iov_base = slot->bytes, .iov_len = sizeof(slot->bytes)};
	ps->messages[i].msg_hdr = (struct msghdr){
	    .msg_name = &slot->from,
	    .msg_namelen = sizeof(slot->from),
	    .msg_iov = &slot->iov,
	    .msg_iovlen = 1,
	    .msg_control = &slot->control,
	    .msg_controllen = sizeof(slot->control),
	};
}

/* What the kernel wrote into the header of a message that was received. */
static void
reuse_slot(struct packet_socket *ps, int i)
{
	struct msghdr *hdr = &ps->messages[i].msg_hdr;

	hdr->msg_namelen = sizeof(ps->slots[i].from);
	hdr->msg_controllen = sizeof(ps->slots[i].control);
	hdr->msg_flags = 0;
}

/* How many frames, 0 when there are none, or -errno. */
static int
receive_batch(struct packet_socket *ps)
{
	int n = recvmmsg(ps->fd, ps->messages, PACKET_BATCH, MSG_DONTWAIT, NULL);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void
take_auxdata(struct msghdr *hdr, struct packet_frame *frame)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(hdr); cmsg; cmsg = CMSG_NXTHDR(hdr, cmsg)) {
		struct tpacket_auxdata aux;

		if (cmsg->cmsg_level != SOL_PACKET || cmsg->cmsg_type != PACKET_AUXDATA ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID) {
			/* A tag with VLAN 0 is a priority only. */
			frame->vlan = (aux.tp_vlan_tci & 0xfff) != 0;
			frame->vlan_tci = aux.tp_vlan_tci;
		}
	}
}

static bool
is_tagged(const uint8_t *bytes, size_t len)
{
	unsigned type;

	if (len < ETH_HLEN)
		return false;
	type = (unsigned)bytes[12] << 8 | bytes[13];
	return type == ETHERTYPE_VLAN || type == 0x88a8 /* 802.1ad */;
}

static bool
is_group(const struct packet_frame *frame)
{
	return frame->len && (frame->bytes[0] & 1);
}

static void
deliver(struct packet_socket *ps, int i)
{
	struct slot *slot = &ps->slots[i];
	struct msghdr *hdr = &ps->messages[i].msg_hdr;
	struct packet_frame frame = {
	    .ifindex = slot->from.sll_ifindex,
	    .bytes = slot->bytes,
	    .len = ps->messages[i].msg_len,
	    .truncated = (hdr->msg_flags & MSG_TRUNC) != 0,
	    .for_other_host = slot->from.sll_pkttype == PACKET_OTHERHOST,
	};

	if (slot->from.sll_pkttype == PACKET_OUTGOING) {
		ps->stats.outgoing++;
		return;
	}
	take_auxdata(hdr, &frame);
	if (is_tagged(frame.bytes, frame.len) || (frame.for_other_host && is_group(&frame)))
		frame.vlan = true;
	ps->stats.received++;
	if (frame.truncated)
		ps->stats.truncated++;
	ps->fn(ps->arg, &frame);
}

static void
on_readable(void *arg, bool readable, bool writable)
{
	struct packet_socket *ps = arg;
	int batch, n, i;

	(void)readable;
	(void)writable;
	ps->in_callback = true;
	for (batch = 0; batch < PACKET_BATCHES_PER_TURN && !ps->freed; batch++) {
		n = receive_batch(ps);
		if (n < 0) {
			/* ENETDOWN: an interface went down; the socket goes on. */
			ps->stats.errors++;
			break;
		}
		for (i = 0; i < n; i++) {
			if (!ps->freed)
				deliver(ps, i);
			reuse_slot(ps, i);
		}
		if (n < PACKET_BATCH)
			break;
	}
	ps->in_callback = false;
}

/* 0 or -errno. */
static int
set_up(
    struct packet_socket *ps, uint16_t ethertype, const struct sock_filter *filter, size_t n_filter)
{
	struct sockaddr_ll any = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ethertype), .sll_ifindex = 0};
	int one = 1, bytes = PACKET_RECEIVE_BUFFER_BYTES;

	ps->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ps->fd < 0)
		return -errno;
	if (n_filter) {
		struct sock_fprog program;

		/* The kernel only reads it, but its struct has no const. */
		assert(n_filter <= BPF_MAXINSNS);
		program.len = (unsigned short)n_filter;
		memcpy(&program.filter, &filter, sizeof(filter));
		if (setsockopt(ps->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
			return -errno;
	}
	/* Not in kernels before 4.20, where deliver() does it. */
	(void)setsockopt(ps->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (setsockopt(ps->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0)
		return -errno;
	if (setsockopt(ps->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(ps->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(ps->fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	loop_fd_init(&ps->watch, ps->loop, ps->fd, on_readable, ps);
	return loop_fd_set(&ps->watch, true, false);
}

int
packet_socket_open(struct loop *loop, uint16_t ethertype, const struct sock_filter *filter,
    size_t n_filter, packet_socket_fn *fn, void *arg, struct packet_socket **ret_socket)
{
	struct packet_socket *ps = xcalloc(1, sizeof(*ps));
	int err, i;

	ps->loop = loop;
	ps->fd = -1;
	ps->fn = fn;
	ps->arg = arg;
	for (i = 0; i < PACKET_BATCH; i++)
		init_slot(ps, i);
	loop_deferred_init(&ps->gone, loop, destroy, ps);
	err = set_up(ps, ethertype, filter, n_filter);
	if (err) {
		destroy(ps);
		return err;
	}
	*ret_socket = ps;
	return 0;
}

void
packet_socket_free(struct packet_socket *ps)
{
	if (!ps)
		return;
	if (!ps->in_callback) {
		destroy(ps);
		return;
	}
	ps->freed = true;
	loop_defer(&ps->gone);
}

int
packet_socket_send(struct packet_socket *ps, int ifindex, const void *bytes, size_t len)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};
	ssize_t n;

	do
		n = sendto(ps->fd, bytes, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		ps->stats.send_errors++;
		return -errno;
	}
	ps->stats.sent++;
	return 0;
}

size_t
packet_socket_drain(struct packet_socket *ps)
{
	/* What arrives while this runs may be thrown away too, hence a bound: the receive buffer
	 * does not hold more frames. */
	size_t count = 0, max = PACKET_RECEIVE_BUFFER_BYTES / 64;

	while (count < max) {
		uint8_t byte;
		ssize_t n = recv(ps->fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* A pending error (ENETDOWN) is taken by reading it. */
			ps->stats.errors++;
			if (errno != ENETDOWN)
				break;
			continue;
		}
		count++;
	}
	ps->stats.drained += count;
	return count;
}

struct packet_socket_stats
packet_socket_stats(struct packet_socket *ps)
{
	struct tpacket_stats kernel;
	socklen_t len = sizeof(kernel);

	/* The kernel's counters start anew with each reading. */
	if (!getsockopt(ps->fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &len))
		ps->stats.dropped += kernel.tp_drops;
	return ps->stats;
}
