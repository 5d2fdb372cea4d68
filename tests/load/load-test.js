// The owner's k6 test. TARGET names the host; STAGES=short runs its shape in half a minute.
import http from 'k6/http';
import { check, sleep } from 'k6';

const target = __ENV.TARGET || 'https://api.trm.io';
const unit = __ENV.STAGES === 'short' ? '2s' : '1m';
const times = (count) => `${parseInt(unit) * count}${unit.slice(-1)}`;

export const options = {
  stages: [
    { duration: times(2), target: 100 }, // Ramp up
    { duration: times(5), target: 100 }, // Steady state
    { duration: times(2), target: 200 }, // Ramp up
    { duration: times(5), target: 200 }, // Steady state
    { duration: times(2), target: 0 }, // Ramp down
  ],
  thresholds: {
    http_req_duration: ['p(95)<200'],
    http_req_failed: ['rate<0.01'],
  },
};

export default function () {
  const res = http.get(`${target}/api/jobs`);
  check(res, {
    'status is 200': (r) => r.status === 200,
    'response time < 200ms': (r) => r.timings.duration < 200,
  });
  sleep(1);
}
