//! Draws a Mode: lying bars, or rings.

use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::DrawingBackend;

use super::{Drawing, Pen, TEXT, TEXT_LARGE};
use crate::chart::layout::{Bars, Share};

impl<DB: DrawingBackend> Pen<'_, DB> {
    pub(super) fn bars(&self, bars: &Bars) -> Drawing<DB> {
        for line in &bars.lines {
            let middle = (line.top + line.bottom) / 2 - self.frame.css(1.0);
            let names_end = bars.bases.first().map_or(0, |base| base - self.frame.css(12.0));
            self.text(&line.name, (names_end, middle), (HPos::Right, VPos::Center), self.theme.ink)?;
            for bar in &line.bars {
                if let Some(rect) = bar.rect {
                    self.fill(rect.left, rect.top, rect.right, rect.bottom, self.theme.series(bar.column))?;
                }
                let ink = if bar.rect.is_some() { self.theme.ink_2 } else { self.theme.label };
                self.text(&bar.text, bar.text_at, (HPos::Left, VPos::Center), ink)?;
            }
        }
        let (Some(first), Some(last)) = (bars.lines.first(), bars.lines.last()) else { return Ok(()) };
        for base in &bars.bases {
            let over = self.frame.css(4.0);
            self.fill(base - self.frame.dot, first.top - over, *base, last.bottom + over, self.theme.axis)?;
        }
        Ok(())
    }

    pub(super) fn share(&self, share: &Share) -> Drawing<DB> {
        for ring in &share.rings {
            self.strong(&ring.title, ring.title_at, (HPos::Left, VPos::Center), TEXT)?;
            for slice in &ring.slices {
                let colour = slice.colour.map_or(self.theme.axis, |nth| self.theme.series(nth));
                let outline = ring.outline(slice);
                self.polygon(outline.clone(), colour)?;
                if slice.until - slice.from < 1.0 {
                    let rim = outline.iter().chain(outline.first()).copied().collect::<Vec<_>>();
                    self.element(&PathElement::new(rim, self.stroke(1.5, self.theme.panel)))?;
                }
                let middle = (slice.line.top + slice.line.bottom) / 2;
                let key = self.frame.css(9.0);
                let left = slice.line.left;
                self.fill(left, middle - key / 2, left + key, middle + key / 2, colour)?;
                let name_at = (left + self.frame.css(16.0), middle);
                self.text(&slice.name, name_at, (HPos::Left, VPos::Center), self.theme.ink_2)?;
                let part_at = (slice.line.right, middle);
                self.text(&slice.part, part_at, (HPos::Right, VPos::Center), self.theme.ink)?;
            }
            self.strong(&ring.total, ring.centre, (HPos::Center, VPos::Center), TEXT_LARGE)?;
        }
        Ok(())
    }
}
