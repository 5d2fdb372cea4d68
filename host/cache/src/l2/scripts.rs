//! What Redis does in one step, in its own language: look up, store, raise, adopt; holds no Rust logic.
//!
//! Clock, barriers and their beginning are fields of one hash, so that they are lost together or not at
//! all. Where the hash is missing (flushed, evicted, a server begun empty) or full, it begins anew: what
//! was stamped before its `born` is neither served nor stored, since nobody knows any more what was
//! invalidated meanwhile. ARGV[1] is the latest stamp that the host knows, so that time never goes back,
//! whatever the server's clock does. KEYS[1] is the hash, KEYS[2] the entry, KEYS[3] its lock, whose value
//! is the stamp of the fill that it was given to.
//!
//! The first line makes a server that is only a replica refuse them all, reads as well.

/// Every script begins so.
pub const BEGIN: &str = "#!lua
local function stamp(number) return string.format('%.0f', number) end
local t = redis.call('TIME')
local now = math.max(t[1] * 1000000 + t[2], tonumber(ARGV[1]))
local known = redis.call('HMGET', KEYS[1], 'clock', 'server')
local clock = tonumber(known[1])
local function anew(server)
  clock = math.max(clock or 0, now)
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'clock', stamp(clock), 'born', stamp(clock), 'server', server or '')
end
if not clock or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then anew(known[2]) end
if now <= clock then now = clock + 1 end
";

/// A server that did not write the hash itself, be it a replica that was promoted or one that was
/// restarted, may have lost the barriers that were raised last. So the hash begins anew.
pub const ADOPT: &str = "
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('HGET', KEYS[1], 'server') ~= server then
  anew(server)
  now = clock + 1
end
return {server, stamp(now)}
";

/// An entry that no barrier covers, or the stamp of a fill that begins now. With a lease (ARGV[3]) that
/// fill's lock is taken, and where another host has it that is the answer.
pub const LOOKUP: &str = "
local function missed()
  local lease = tonumber(ARGV[3])
  if lease > 0 and not redis.call('SET', KEYS[3], stamp(now), 'NX', 'PX', lease) then
    return {stamp(now), 'locked'}
  end
  redis.call('HSET', KEYS[1], 'clock', stamp(now))
  return {stamp(now)}
end
local e = redis.call('HMGET', KEYS[2], 'v', 's', 't', 'g', 'z', 'a')
if not e[1] then return missed() end
local scopes = {'born'}
for i = 4, #ARGV do scopes[#scopes + 1] = ARGV[i] end
for tag in string.gmatch(e[3], '[^\\n]+') do scopes[#scopes + 1] = 't:' .. tag end
for _, barrier in ipairs(redis.call('HMGET', KEYS[1], unpack(scopes))) do
  if barrier and tonumber(barrier) >= tonumber(e[2]) then return missed() end
end
return {stamp(now), e[1], e[2], e[3], redis.call('PTTL', KEYS[2]), e[4], e[5], e[6]}
";

/// Keeps an entry, unless a newer one is there or nobody knows what was invalidated since. Its lock is
/// given back either way.
pub const STORE: &str = "#!lua
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
local born = redis.call('HGET', KEYS[1], 'born')
if not born or tonumber(born) >= tonumber(ARGV[2]) then return 0 end
local kept = redis.call('HGET', KEYS[2], 's')
if kept and tonumber(kept) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'v', ARGV[1], 's', ARGV[2], 't', ARGV[3], 'g', ARGV[5], 'z', ARGV[6], 'a', ARGV[7])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
";

/// Raises a barrier, tells every host, and returns its stamp.
pub const RAISE: &str = "
redis.call('HSET', KEYS[1], 'clock', stamp(now), ARGV[4], stamp(now))
if KEYS[2] then redis.call('DEL', KEYS[2]) end
redis.call('PUBLISH', ARGV[3], stamp(now) .. ' ' .. ARGV[4])
return stamp(now)
";

/// The stamp of a fill that begins now.
pub const TICK: &str = "
redis.call('HSET', KEYS[1], 'clock', stamp(now))
return stamp(now)
";

/// Gives a lock back, if it is still the one that was taken with this stamp.
pub const UNLOCK: &str = "#!lua
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
";
