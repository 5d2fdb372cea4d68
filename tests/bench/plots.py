"""SVG plots of what was measured, with no library; measures nothing."""
WIDTH, HEIGHT, EDGE = 720, 320, 60
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed")


def _frame(title, across, up, parts):
    middle, bottom = WIDTH / 2, HEIGHT - 12
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<title>{title}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{middle}" y="20" text-anchor="middle" font-size="14">{title}</text>',
        f'<text x="{middle}" y="{bottom}" text-anchor="middle">{across}</text>',
        f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2})">{up}</text>',
        f'<path d="M{EDGE} 32V{HEIGHT - EDGE + 12}H{WIDTH - 20}" fill="none" stroke="#555"/>', *parts, "</svg>\n"])


def _scale(low, high, start, end):
    span = (high - low) or 1
    return lambda value: start + (value - low) / span * (end - start)


def _ticks(x, y, high_x, high_y, low_x=0):
    parts = []
    for step in range(5):
        value = low_x + (high_x - low_x) * step / 4
        parts.append(f'<text x="{x(value):.0f}" y="{HEIGHT - EDGE + 28}" text-anchor="middle">{value:,.4g}</text>')
        value = high_y * step / 4
        parts.append(f'<text x="{EDGE - 6}" y="{y(value) + 4:.0f}" text-anchor="end">{value:,.4g}</text>')
    return parts


def histogram(title, across, samples, bars=60):
    """How often each value; what lies beyond the 99.5th percentile is left out and said so."""
    samples = sorted(samples)
    high, low = samples[int(len(samples) * 0.995)], samples[0]
    counts = [0] * bars
    for value in samples:
        if value <= high:
            counts[min(bars - 1, int((value - low) / ((high - low) or 1) * bars))] += 1
    x, y = _scale(low, high, EDGE, WIDTH - 20), _scale(0, max(counts), HEIGHT - EDGE + 12, 36)
    wide = (WIDTH - 20 - EDGE) / bars
    parts = [f'<rect x="{EDGE + n * wide:.1f}" y="{y(count):.1f}" width="{wide - 1:.1f}" '
             f'height="{y(0) - y(count):.1f}" fill="{COLOURS[0]}"/>' for n, count in enumerate(counts)]
    across += f" (the slowest 0.5 % of {len(samples):,} reach {samples[-1]:,.0f})"
    return _frame(title, across, "samples", parts + _ticks(x, y, high, max(counts), low))


def lines(title, across, up, series):
    """Each series a line of points (x, y)."""
    points = [point for line in series.values() for point in line]
    high_x, high_y = max(x for x, _ in points), max(y for _, y in points)
    x, y = _scale(0, high_x, EDGE, WIDTH - 20), _scale(0, high_y, HEIGHT - EDGE + 12, 36)
    parts = _ticks(x, y, high_x, high_y)
    for colour, (name, line) in zip(COLOURS, series.items()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        last = line[-1]
        parts.append(f'<text x="{x(last[0]) - 4:.0f}" y="{y(last[1]) - 6:.0f}" text-anchor="end" fill="{colour}">{name}</text>')
    return _frame(title, across, up, parts)
