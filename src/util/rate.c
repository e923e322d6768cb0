#include "util/rate.h"

void
rate_init(struct rate *rate, int64_t interval_usec, uint32_t burst, mono_t now)
{
	*rate = (struct rate){
	    .interval_usec = interval_usec, .burst = burst, .tokens = burst, .filled = now};
}

static void
rate_fill(struct rate *rate, mono_t now)
{
	int64_t elapsed = mono_diff_usec(now, rate->filled), n;

	if (elapsed < rate->interval_usec)
		return;
	n = elapsed / rate->interval_usec;
	if (n >= rate->burst - rate->tokens) {
		rate->tokens = rate->burst;
		rate->filled = now;
	} else {
		rate->tokens += (uint32_t)n;
		rate->filled = mono_add_usec(rate->filled, n * rate->interval_usec);
	}
}

bool
rate_take(struct rate *rate, mono_t now)
{
	rate_fill(rate, now);
	if (!rate->tokens) {
		rate->suppressed++;
		return false;
	}
	if (rate->tokens == rate->burst)
		rate->filled = now;
	rate->tokens--;
	return true;
}

mono_t
rate_next(const struct rate *rate, mono_t now)
{
	mono_t next = mono_add_usec(rate->filled, rate->interval_usec);

	return rate->tokens || mono_before(next, now) ? now : next;
}

uint64_t
rate_suppressed(struct rate *rate)
{
	uint64_t n = rate->suppressed;

	rate->suppressed = 0;
	return n;
}
