"""`trm:platform/cache`: the two-tier cache, read through one call; decides no keys."""
from componentize_py_types import Err
from wit_world.imports import cache as host

# Invalidates every entry that carries the tag, on all hosts.
invalidate_tag = host.invalidate_tag
# Invalidates every key under a prefix of whole segments: `jobs:*`.
invalidate_pattern = host.invalidate_pattern


async def get_or_set(key, compute, tags=(), ttl_ms=None):
    """The value of a key. On a miss one caller on this host computes it and the others wait; what `compute` raises
    is raised, nothing is kept, and the next caller computes. A cache that is saturated costs only its help."""
    try:
        found = await host.get_or_fill(key)
    except Err as fault:
        if isinstance(fault.value, host.Error_Saturated):
            return await compute()
        raise
    if isinstance(found, host.Lookup_Hit):
        return found.value
    # Where nothing is kept, the right to compute passes on.
    with found.value as fill:
        value = await compute()
        try:
            await fill.complete(value, host.EntryOptions(ttl_ms, list(tags)))
        except Err as fault:
            # The answer is right whether or not it could be kept.
            if not isinstance(fault.value, (host.Error_TooLarge, host.Error_DeadlineExceeded)):
                raise
        return value
