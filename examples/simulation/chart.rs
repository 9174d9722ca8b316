// SPDX-License-Identifier: GPL-2.0-or-later

//! A picture of how news spreads: the part of the nodes that know, over the seconds since it happened.

use std::fmt::{self, Display, Formatter, Write as _};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 190.0;
const BOTTOM: f64 = 50.0;
/// Colours that differ in lightness, too.
const COLOURS: [&str; 4] = ["#b2182b", "#ef8a62", "#2166ac", "#4d4d4d"];

/// The times at which nodes knew of something.
pub struct Curve {
    /// Its title.
    pub title: String,
    /// The number of nodes that were to know.
    pub observers: usize,
    /// The seconds after which each knew.
    pub times: Vec<f64>,
}

/// A picture as SVG.
pub struct Chart<'c> {
    /// The title above it.
    pub title: &'c str,
    /// What it shows. Curves of the first half have solid lines, the others dashed ones of the same colours.
    pub curves: &'c [Curve],
}

#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
impl Display for Chart<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let longest = self.curves.iter().flat_map(|curve| &curve.times);
        let longest = longest.fold(1.0, |longest: f64, time| longest.max(*time));
        let seconds = (longest / 5.0).ceil() * 5.0;
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        let x = |time: f64| LEFT + width * time / seconds;
        let y = |part: f64| TOP + height * (1.0 - part);
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{}</text>",
            self.title, self.title
        )?;
        for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let (at, percent) = (y(part), part * 100.0);
            writeln!(
                f,
                "<path d=\"M{LEFT} {at:.1}h{width:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{percent}%</text>",
                LEFT - 8.0,
                at + 4.0
            )?;
        }
        let mut second = 0.0;
        while second <= seconds {
            writeln!(
                f,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{second}</text>",
                x(second),
                HEIGHT - BOTTOM + 20.0
            )?;
            second += 5.0;
        }
        writeln!(
            f,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">seconds since it happened</text>",
            LEFT + width / 2.0,
            HEIGHT - 10.0
        )?;
        for (place, curve) in self.curves.iter().enumerate() {
            let half = self.curves.len().div_ceil(2);
            let colour = COLOURS[place % half % COLOURS.len()];
            let dashes = if place < half { "none" } else { "6 4" };
            let mut times = curve.times.clone();
            times.sort_by(f64::total_cmp);
            let mut path = format!("M{:.1} {:.1}", x(0.0), y(0.0));
            // A step for each hundredth is as much as can be seen.
            let step = (times.len() / 100).max(1);
            for (count, time) in times.iter().enumerate().skip(step - 1).step_by(step) {
                let part = (count + 1) as f64 / curve.observers as f64;
                write!(path, "H{:.1}V{:.1}", x(*time), y(part.min(1.0)))?;
            }
            let row = TOP + 10.0 + 22.0 * place as f64;
            let column = WIDTH - RIGHT + 20.0;
            writeln!(
                f,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>\n\
                 <path d=\"M{column} {row}h28\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>\
                 <text x=\"{}\" y=\"{}\">{}</text>",
                column + 36.0,
                row + 4.0,
                curve.title
            )?;
        }
        writeln!(f, "</svg>")
    }
}
