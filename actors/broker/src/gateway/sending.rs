//! Orders to the venue, and back from it.

use super::BrokerError;
use super::hearing::{Broke, Due, pause};
use super::place::{Placed, place};
use super::run::Run;
use super::tracked::Tracked;
use super::world::{Timer, Venue, World};
use alpaca::AlpacaError;
use std::time::Duration;

const CANCEL_AGAIN: Duration = Duration::from_secs(1);

impl<W: World> Run<'_, W> {
    pub(super) async fn send_next(&mut self) -> Result<(), BrokerError> {
        self.check_flag().await;
        let Some(now) = self.clock.now(self.timer) else { return Ok(()) };
        self.desk.on_clock(now);
        let next = self.desk.next_waiting().filter(|tracked| !tracked.is_withheld());
        let Some(tracked) = next else { return Ok(()) };
        tracked.maybe_sent = true;
        let (client, order) = (self.client, tracked.order.clone());
        match self.attend(place(client, &order)).await? {
            Ok(Placed::There(venue)) => {
                self.sends = 0;
                let told = self.desk.on_venue_order(&venue)?;
                self.say_all(told.say).await?;
                if told.fills_missing {
                    self.falls_behind();
                }
                Ok(())
            }
            Ok(Placed::Refused(words, at)) => {
                self.sends = 0;
                let tracked = self.desk.orders.get_mut(&order.client_order_id);
                let refused = tracked.expect("an order is not forgotten").on_refused(&words, at);
                self.say_all(vec![refused]).await
            }
            Ok(Placed::Unknown(error)) => {
                self.send_again(&error);
                Ok(())
            }
            // Whether it is there has to be known before anything else is sent.
            Err(error) if error.is_transient() => {
                self.send_again(&error);
                self.falls_behind();
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn send_again(&mut self, error: &AlpacaError) {
        self.sends = self.sends.saturating_add(1);
        self.send_at = self.timer.now() + pause(self.sends);
        self.on_silence(error);
    }

    /// While there is something to send: what is too late for it is withheld.
    pub(super) async fn check_clock(&mut self) -> Result<(), Broke> {
        let waits = self.desk.next_waiting().is_some_and(|tracked| !tracked.is_withheld());
        if waits && self.clock.is_due(self.timer) {
            let (client, asked) = (self.client, self.timer.now());
            self.clock.ask(asked);
            match self.ask(client.clock()).await {
                Ok(clock) => self.clock.tell(clock.timestamp.0, asked),
                Err(Broke::Unanswered(error)) => {
                    self.clock.lose();
                    self.on_silence(&error);
                }
                Err(broke) => {
                    self.clock.forget();
                    return Err(broke);
                }
            }
        }
        if let Some(now) = self.clock.now(self.timer) {
            self.desk.on_clock(now);
        }
        Ok(())
    }

    /// Orders that a halt or their expiry met waiting are canceled, unless it turns out that the venue has them.
    pub(super) async fn give_up_withheld(&mut self) -> Result<(), Broke> {
        while let Some(tracked) = self.desk.next_waiting().filter(|order| order.is_withheld()) {
            let id = tracked.order.client_order_id.clone();
            let mut found = None;
            if tracked.maybe_sent {
                if self.timer.now() < self.give_up.at {
                    return Ok(());
                }
                let client = self.client;
                found = self.ask(client.order_by_client_id(&id)).await?;
            }
            let say = match found {
                Some(order) => {
                    self.compare.put(self.timer.now());
                    self.desk.on_venue_order(&order)?.say
                }
                None => {
                    self.desk.orders.get_mut(&id).map(Tracked::on_withheld).into_iter().collect()
                }
            };
            self.sends = 0;
            self.say_all(say).await?;
        }
        if self.give_up.fails() {
            self.give_up = Due::new(self.timer.now());
        }
        Ok(())
    }

    /// What shall not be open at the venue is asked back, once each.
    pub(super) async fn cancel_unwanted(&mut self) -> Result<(), BrokerError> {
        if self.cancel_at > self.timer.now() {
            return Ok(());
        }
        for venue_id in self.desk.unwanted() {
            let client = self.client;
            match self.attend(client.cancel(&venue_id)).await? {
                Err(error) if error.is_transient() => {
                    tracing::error!(%error, "canceling again soon");
                    self.cancel_at = self.timer.now() + CANCEL_AGAIN;
                    return Ok(());
                }
                Err(error) if error.refusal().is_none() => return Err(error.into()),
                // Refused: it is over already, as the stream says, or it can't be now, and is asked again.
                Ok(()) | Err(_) => self.desk.on_asked_back(&venue_id),
            }
        }
        Ok(())
    }
}
