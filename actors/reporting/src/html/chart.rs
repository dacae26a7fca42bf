//! Charts as inline SVG. The drawing stretches with the page; labels are HTML beside it, so that text
//! keeps its size on a telephone. Every value must be finite.

use super::escape;
use std::fmt::Write;

/// Drawing units.
const WIDE: f64 = 1000.0;
const HIGH: f64 = 200.0;

/// Ticks an axis has, about.
const TICKS: f64 = 4.0;

/// A figure and where it is drawn: `ticks` cover every value.
pub struct Axis {
    ticks: Vec<f64>,
    step: f64,
}

impl Axis {
    /// Round ticks that enclose all `values`; zero among them if `from_zero`.
    pub fn around(values: impl Iterator<Item = f64> + Clone, from_zero: bool) -> Self {
        let zero = from_zero.then_some(0.0);
        let low = values.clone().chain(zero).fold(f64::INFINITY, f64::min);
        let high = values.chain(zero).fold(f64::NEG_INFINITY, f64::max);
        let flat = high - low < 1e-9 * high.abs().max(1e-6);
        let step =
            if flat { round_step(high.abs().max(0.01)) } else { round_step((high - low) / TICKS) };
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let last = if last > first { last } else { first + 1.0 };
        let ticks = (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect();
        Self { ticks, step }
    }

    /// For counts: whole numbers from zero.
    pub fn counting(counts: impl Iterator<Item = f64> + Clone) -> Self {
        let axis = Self::around(counts, true);
        if axis.step >= 1.0 {
            return axis;
        }
        let ticks = (0..=axis.top().ceil() as usize).map(|tick| tick as f64).collect();
        Self { ticks, step: 1.0 }
    }

    /// The lowest value drawn.
    pub fn bottom(&self) -> f64 {
        self.ticks[0]
    }

    fn top(&self) -> f64 {
        self.ticks[self.ticks.len() - 1]
    }

    /// 0 at the lowest tick, 1 at the highest.
    fn share(&self, value: f64) -> f64 {
        (value - self.bottom()) / (self.top() - self.bottom())
    }

    fn y(&self, value: f64) -> f64 {
        HIGH * (1.0 - self.share(value))
    }

    /// Decimals that tell neighbouring ticks apart.
    pub fn decimals(&self) -> usize {
        (-self.step.log10().floor()).clamp(0.0, 8.0) as usize
    }
}

/// 1, 2 or 5 times a power of ten, not below `size`.
pub fn round_step(size: f64) -> f64 {
    let power = 10f64.powf(size.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= size * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// A chart's frame: what stands around the drawing.
pub struct Frame<'a> {
    pub title: &'a str,
    /// HTML: a legend or the last value.
    pub key: &'a str,
    /// Under the drawing, left to right.
    pub below: Vec<String>,
    pub wide: bool,
}

/// `drawing` over the axis' grid, with labels that `name` writes.
pub fn chart(
    frame: &Frame<'_>,
    axis: &Axis,
    name: impl Fn(f64) -> String,
    drawing: &str,
) -> String {
    let title = escape(frame.title);
    let class = if frame.wide { "card wide" } else { "card" };
    let (mut grid, mut labels) = (String::new(), String::new());
    let mut longest = String::new();
    for tick in &axis.ticks {
        let (y, share) = (axis.y(*tick), axis.share(*tick) * 100.0);
        let kind = if tick.abs() < axis.step / 2.0 { "zero" } else { "tick" };
        let _ = write!(grid, r#"<path class="{kind}" d="M0 {y:.1}H{WIDE}"/>"#);
        let text = escape(&name(*tick));
        let _ = write!(labels, r#"<span style="bottom:{share:.2}%">{text}</span>"#);
        if text.len() > longest.len() {
            longest = text;
        }
    }
    let below: String =
        frame.below.iter().map(|text| format!("<span>{}</span>", escape(text))).collect();
    format!(
        r#"<figure class="{class}"><figcaption><h2>{title}</h2><span class="key">{key}</span></figcaption>
<div class="plot"><div class="y"><b>{longest}</b>{labels}</div><svg viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" aria-label="{title}">{grid}{drawing}</svg><div class="x">{below}</div></div></figure>
"#,
        key = frame.key,
    )
}

/// A line through `values`, evenly spaced; one value is a level line.
pub fn line(values: &[f64], axis: &Axis, class: &str) -> String {
    format!(r#"<path class="line {class}" d="{}"/>"#, path(values, axis))
}

/// The surface between the line through `values` and `base`.
pub fn area(values: &[f64], base: f64, axis: &Axis, class: &str) -> String {
    let (y, d) = (axis.y(base), path(values, axis));
    format!(r#"<path class="area {class}" d="{d}V{y:.1}H0Z"/>"#)
}

fn path(values: &[f64], axis: &Axis) -> String {
    let values = if let [one] = values { &[*one, *one] } else { values };
    let last = values.len().saturating_sub(1).max(1) as f64;
    let mut d = String::new();
    for (i, value) in values.iter().enumerate() {
        let (letter, x) = (if i == 0 { 'M' } else { 'L' }, WIDE * i as f64 / last);
        let _ = write!(d, "{letter}{x:.1} {:.1}", axis.y(*value));
    }
    d
}

/// A column per value, from zero; `class` and tooltip by its index.
pub fn columns(
    values: &[f64],
    axis: &Axis,
    describe: impl Fn(usize) -> (&'static str, String),
) -> String {
    let slot = WIDE / values.len().max(1) as f64;
    let gap = (slot * 0.15).min(4.0);
    let mut drawing = String::new();
    for (i, value) in values.iter().enumerate() {
        let (top, bottom) = (axis.y(value.max(0.0)), axis.y(value.min(0.0)));
        let (x, width, height) = (slot * i as f64 + gap / 2.0, slot - gap, bottom - top);
        let (class, title) = describe(i);
        let _ = write!(
            drawing,
            r#"<rect class="bar {class}" x="{x:.2}" y="{top:.1}" width="{width:.2}" height="{height:.1}"><title>{}</title></rect>"#,
            escape(&title)
        );
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_enclose_every_value() {
        let axis = |values: &[f64], zero| Axis::around(values.iter().copied(), zero).ticks;
        assert_eq!(axis(&[0.0, 1.0], true), [0.0, 0.5, 1.0]);
        assert_eq!(axis(&[98.0, 103.0], false), [98.0, 100.0, 102.0, 104.0]);
        assert_eq!(axis(&[0.0], true).len(), 2);
        assert_eq!(Axis::counting([1.0, 2.0].into_iter()).ticks, [0.0, 1.0, 2.0]);
        assert_eq!(Axis::counting([13.0].into_iter()).ticks, [0.0, 5.0, 10.0, 15.0]);
        for (low, high) in
            [(-0.0371, 0.0), (1e6, 1e6 + 1.0), (-5.0, 17.0), (1e6, 1e6), (-3.0, -3.0)]
        {
            let ticks = axis(&[low, high], false);
            assert!(ticks[0] <= low && *ticks.last().expect("ticks") >= high, "{ticks:?}");
            assert!((2..=7).contains(&ticks.len()), "{ticks:?}");
        }
    }

    #[test]
    fn one_value_is_a_level_line() {
        let axis = Axis::around([0.0, 1.0].into_iter(), true);
        assert_eq!(path(&[0.5], &axis), "M0.0 100.0L1000.0 100.0");
    }
}
